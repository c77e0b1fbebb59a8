from tests.schemas.dependants.conftest import cluster

__all__ = ["cluster"]
