"""Views: random second looks at a batch, one per file."""

from typing import Annotated

from rcmvae.data.views.base import Pool as Pool
from rcmvae.data.views.base import View as View
from rcmvae.data.views.base import look as look
from rcmvae.data.views.jitter import Jitter as Jitter
from rcmvae.data.views.mirror import Mirror as Mirror
from rcmvae.data.views.neighbours import Neighbours as Neighbours
from rcmvae.data.views.warp import Warp as Warp
from rcmvae.options import OneOf, by_kind, leaves

VIEWS = by_kind(*leaves(View))
AnyView = Annotated[View, OneOf(VIEWS)]
