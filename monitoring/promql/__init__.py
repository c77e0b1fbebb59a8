"""PromQL, a documented subset: text → our own frozen tree → values, over samples in arrays.

Pure: no Django, no network, no files. The syntax is `promql-parser`'s; what a query may read is
added to its tree (`scoping`), never to its text. What is not run is refused by name.
"""
