"""Pages of the registry, and the wire API's address for servers without its adapters."""
