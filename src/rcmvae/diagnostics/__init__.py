"""What a trained model says of a split, in bounded memory."""

from rcmvae.diagnostics import metrics as metrics  # declares most of them
from rcmvae.diagnostics.absent import Absent as Absent
from rcmvae.diagnostics.bundle import SURE as SURE
from rcmvae.diagnostics.bundle import Bundle as Bundle
from rcmvae.diagnostics.bundle import Pictures as Pictures
from rcmvae.diagnostics.clustering import Clustering as Clustering
from rcmvae.diagnostics.clustering import clustering as clustering
from rcmvae.diagnostics.clustering import contents as contents
from rcmvae.diagnostics.clustering import elsewhere as elsewhere
from rcmvae.diagnostics.growth import Grown as Grown
from rcmvae.diagnostics.importance import compile_importance as compile_importance
from rcmvae.diagnostics.interval import LEVEL as LEVEL
from rcmvae.diagnostics.interval import wilson as wilson
from rcmvae.diagnostics.metric import METRICS as METRICS
from rcmvae.diagnostics.metric import Metric as Metric
from rcmvae.diagnostics.metric import Subject as Subject
from rcmvae.diagnostics.metric import calibration as calibration
from rcmvae.diagnostics.metric import in_section as in_section
from rcmvae.diagnostics.survey import Extent as Extent
from rcmvae.diagnostics.survey import glance as glance
from rcmvae.diagnostics.survey import look as look
from rcmvae.diagnostics.survey import painter as painter
from rcmvae.diagnostics.survey import show_draws as show_draws
from rcmvae.diagnostics.survey import show_means as show_means
from rcmvae.diagnostics.survey import survey as survey
