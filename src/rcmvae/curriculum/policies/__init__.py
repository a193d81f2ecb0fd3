"""When to open a channel, one policy per file."""

from typing import Annotated

from rcmvae.curriculum.policies.base import Policy as Policy
from rcmvae.curriculum.policies.base import PolicyState as PolicyState
from rcmvae.curriculum.policies.birth import Birth as Birth
from rcmvae.curriculum.policies.normality import Normality as Normality
from rcmvae.curriculum.policies.plateau import Plateau as Plateau
from rcmvae.curriculum.policies.scheduled import Scheduled as Scheduled
from rcmvae.options import OneOf, by_kind, leaves

POLICIES = by_kind(*leaves(Policy))
AnyPolicy = Annotated[Policy, OneOf(POLICIES)]
