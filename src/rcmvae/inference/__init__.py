"""What a trained model says of any samples, and what it generates: its training data are not needed."""

from rcmvae.inference.apply import Embedding as Embedding
from rcmvae.inference.apply import Prediction as Prediction
from rcmvae.inference.apply import costs as costs
from rcmvae.inference.apply import embed as embed
from rcmvae.inference.apply import embed_parts as embed_parts
from rcmvae.inference.apply import log_pi_of as log_pi_of
from rcmvae.inference.apply import membership as membership
from rcmvae.inference.apply import places as places
from rcmvae.inference.apply import predict as predict
from rcmvae.inference.apply import predict_parts as predict_parts
from rcmvae.inference.generate import drawn as drawn
from rcmvae.inference.generate import generate as generate
from rcmvae.inference.generate import generated as generated
from rcmvae.inference.generate import sample as sample
from rcmvae.inference.pictures import refuse_picture as refuse_picture
from rcmvae.inference.programs import Uses as Uses
from rcmvae.inference.samples import beside as beside
from rcmvae.inference.samples import outliers_of as outliers_of
from rcmvae.inference.samples import samples_of as samples_of
from rcmvae.inference.teach import teach as teach
from rcmvae.inference.trained import Trained as Trained
from rcmvae.inference.trained import Weights as Weights
from rcmvae.inference.trained import refuse_closed as refuse_closed
