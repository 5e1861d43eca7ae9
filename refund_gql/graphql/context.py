"""What every resolver can reach: the viewer, the request's rows, and the process's services."""

from dataclasses import dataclass, field

import strawberry

from refund_gql.auth import Viewer
from refund_gql.graphql.rows import Rows
from refund_gql.registry import Providers
from refund_gql.settings import Settings


@dataclass(kw_only=True)
class Context:
    """One request."""

    viewer: Viewer | None
    """None when no token was given; such a request reaches almost nothing (`permissions`)."""
    locale: str
    """The language of texts in the answer: zh or en."""
    settings: Settings
    providers: Providers | None = None
    """The providers of this process; None only where a schema is made to be printed."""
    _rows: Rows | None = field(default=None, repr=False)

    @property
    def known_viewer(self) -> Viewer:
        """The viewer of a field that anonymous callers cannot reach."""
        assert self.viewer is not None, "permissions let an anonymous caller through"
        return self.viewer

    @property
    def known_providers(self) -> Providers:
        """The providers of a process that serves."""
        assert self.providers is not None, "a serving process has providers"
        return self.providers

    @property
    def rows(self) -> Rows:
        """The rows this request has read so far."""
        if self._rows is None:
            self._rows = Rows(self.known_viewer)
        return self._rows


Info = strawberry.Info[Context, None]
