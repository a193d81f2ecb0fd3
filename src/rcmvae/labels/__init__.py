"""Names for channels: what a few labels say of them, how sure that is, and which samples fit nothing."""

from rcmvae.labels.acquisition import ACQUISITIONS as ACQUISITIONS
from rcmvae.labels.acquisition import Pool as Pool
from rcmvae.labels.asking import Asking as Asking
from rcmvae.labels.asking import Progress as Progress
from rcmvae.labels.asking import answered as answered
from rcmvae.labels.asking import ask as ask
from rcmvae.labels.asking import simulated as simulated
from rcmvae.labels.asking import unlabelled as unlabelled
from rcmvae.labels.calibration import Reliability as Reliability
from rcmvae.labels.calibration import fit_temperature as fit_temperature
from rcmvae.labels.calibration import reliability as reliability
from rcmvae.labels.calibration import tempered as tempered
from rcmvae.labels.names import Names as Names
from rcmvae.labels.ood import Detection as Detection
from rcmvae.labels.ood import by_doubt as by_doubt
from rcmvae.labels.ood import combined as combined
from rcmvae.labels.ood import detection as detection
from rcmvae.labels.ood import surprise as surprise
from rcmvae.labels.ood import unlike_its_channel as unlike_its_channel
from rcmvae.labels.tau import Tau as Tau
from rcmvae.labels.uncertainty import Uncertainty as Uncertainty
from rcmvae.labels.uncertainty import uncertainty as uncertainty
