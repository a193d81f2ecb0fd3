"""Channels that open one after another, as long as that helps."""

from rcmvae.curriculum.genealogy import Pot as Pot
from rcmvae.curriculum.genealogy import pot_tree as pot_tree
from rcmvae.curriculum.grow import Act as Act
from rcmvae.curriculum.grow import Action as Action
from rcmvae.curriculum.grow import Grower as Grower
from rcmvae.curriculum.grow import Growth as Growth
from rcmvae.curriculum.kick import Kick as Kick
from rcmvae.curriculum.options import Curriculum as Curriculum
from rcmvae.curriculum.policies import POLICIES as POLICIES
from rcmvae.curriculum.policies import AnyPolicy as AnyPolicy
from rcmvae.curriculum.policies import Birth as Birth
from rcmvae.curriculum.policies import Normality as Normality
from rcmvae.curriculum.policies import Plateau as Plateau
from rcmvae.curriculum.policies import Policy as Policy
from rcmvae.curriculum.policies import PolicyState as PolicyState
from rcmvae.curriculum.policies import Scheduled as Scheduled
from rcmvae.curriculum.split import Cut as Cut
from rcmvae.curriculum.split import halves as halves
from rcmvae.curriculum.start import Birthplace as Birthplace
from rcmvae.curriculum.start import Start as Start
from rcmvae.curriculum.start import copied_moments as copied_moments
from rcmvae.curriculum.start import merged as merged
from rcmvae.curriculum.tree import ChannelTree as ChannelTree
from rcmvae.curriculum.tree import channel_tree as channel_tree
from rcmvae.curriculum.tree import group_responsibility as group_responsibility
