"""The set queries that `schemas.backends.postgres` reads a database's model by.

Each answers all objects of a kind at once; objects of the system and of extensions are left out.
Definitions come from PostgreSQL's own deparsers, run with `search_path = pg_catalog`, so names
outside it are qualified. PostgreSQL manual, "System Catalogs" and 9.26 "System Information
Functions"; works from release 13 on.
"""

from __future__ import annotations

_OURS = """{space}.nspname <> 'information_schema' AND {space}.nspname !~ '^pg_'"""


def _ours(space: str = "n") -> str:
    return _OURS.format(space=space)


def _not_of_extension(catalog: str, oid: str, kinds: str = "'e'") -> str:
    return f"""NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '{catalog}'::regclass
        AND e.objid = {oid} AND e.deptype IN ({kinds}))"""


# A relation's path in parts: the caller writes the path.
_PAIR = """(SELECT json_build_array(tn.nspname, tc.relname) FROM pg_class tc
    JOIN pg_namespace tn ON tn.oid = tc.relnamespace WHERE tc.oid = {oid})"""

# Tables and views that belong to the model: what hangs on another relation is not read.
_RELATIONS = f"""
    SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {_ours()} AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
      AND c.relpersistence <> 't' AND {_not_of_extension("pg_class", "c.oid")}"""  # noqa: S608  # fixed words of this module

SCHEMAS = f"""
    SELECT n.nspname AS name, coalesce(obj_description(n.oid, 'pg_namespace'), '') AS comment
    FROM pg_namespace n
    WHERE {_ours()} AND {_not_of_extension("pg_namespace", "n.oid")}
    ORDER BY n.nspname"""  # noqa: S608  # as above

EXTENSIONS = """
    SELECT x.extname AS name, x.extversion AS version, n.nspname AS schema
    FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace
    WHERE x.extname <> 'plpgsql' ORDER BY x.extname"""

RELATIONS = f"""
    WITH c AS ({_RELATIONS})
    SELECT c.oid::bigint AS id, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
        c.relpersistence = 'u' AS unlogged,
        c.relrowsecurity AS row_security, c.relforcerowsecurity AS row_security_forced,
        coalesce(c.reloptions, '{{}}') AS options,
        CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key,
        pg_get_expr(c.relpartbound, c.oid) AS partition_bound,
        CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition,
        (SELECT json_agg({_PAIR.format(oid="i.inhparent")} ORDER BY i.inhseqno)
         FROM pg_inherits i WHERE i.inhrelid = c.oid) AS parents,
        obj_description(c.oid, 'pg_class') AS comment
    FROM c JOIN pg_namespace n ON n.oid = c.relnamespace
    ORDER BY n.nspname, c.relname"""  # noqa: S608  # as above

# Composite types' attributes too: their pg_class rows have kind `c`.
COLUMNS = f"""
    SELECT a.attrelid::bigint AS id, a.attname AS name,
        format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
        CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS default,
        CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END AS generated,
        CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS identity,
        CASE WHEN a.attcollation <> t.typcollation THEN
            (SELECT json_build_array(ln.nspname, l.collname) FROM pg_collation l
             JOIN pg_namespace ln ON ln.oid = l.collnamespace WHERE l.oid = a.attcollation)
        END AS collation,
        col_description(a.attrelid, a.attnum) AS comment
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped AND {_ours()}
      AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND c.relpersistence <> 't'
      AND {_not_of_extension("pg_class", "c.oid")}
    ORDER BY a.attrelid, a.attnum"""  # noqa: S608  # as above

# A partition's copies of its parent's constraints are left out: the parent declares them.
CONSTRAINTS = f"""
    SELECT k.conrelid::bigint AS id, k.contypid::bigint AS domain, k.conname AS name,
        k.contype AS kind, pg_get_constraintdef(k.oid) AS definition,
        k.convalidated AS validated,
        (SELECT json_agg(a.attname ORDER BY u.place)
         FROM unnest(k.conkey) WITH ORDINALITY AS u(num, place)
         JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num) AS columns,
        CASE WHEN k.confrelid <> 0 THEN {_PAIR.format(oid="k.confrelid")} END AS target,
        (SELECT json_agg(a.attname ORDER BY u.place)
         FROM unnest(k.confkey) WITH ORDINALITY AS u(num, place)
         JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num) AS target_columns,
        obj_description(k.oid, 'pg_constraint') AS comment
    FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
    WHERE {_ours()} AND k.contype IN ('p', 'u', 'f', 'c', 'x', 't')
      AND k.conparentid = 0 AND (k.coninhcount = 0 OR k.conislocal)
    ORDER BY k.conrelid, k.contypid, k.conname"""  # noqa: S608  # as above

INDEXES = f"""
    WITH c AS ({_RELATIONS})
    SELECT c.oid::bigint AS id, x.relname AS name, quote_ident(x.relname) AS quoted,
        pg_get_indexdef(i.indexrelid) AS definition, i.indisunique AS unique,
        i.indisvalid AND i.indisready AS valid,
        (SELECT json_agg(a.attname ORDER BY u.place)
         FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS u(num, place)
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.num
         WHERE u.num > 0) AS columns,
        obj_description(i.indexrelid, 'pg_class') AS comment
    FROM c JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
    WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid
                      AND k.contype IN ('p', 'u', 'x'))
      AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)
    ORDER BY c.oid, x.relname"""  # noqa: S608  # as above

TRIGGERS = f"""
    WITH c AS ({_RELATIONS})
    SELECT c.oid::bigint AS id, t.tgname AS name, pg_get_triggerdef(t.oid) AS definition,
        CASE t.tgenabled WHEN 'O' THEN 'origin' WHEN 'D' THEN 'disabled'
            WHEN 'R' THEN 'replica' ELSE 'always' END AS enabled,
        obj_description(t.oid, 'pg_trigger') AS comment
    FROM c JOIN pg_trigger t ON t.tgrelid = c.oid
    WHERE NOT t.tgisinternal AND t.tgparentid = 0
    ORDER BY c.oid, t.tgname"""  # noqa: S608  # as above

RULES = f"""
    WITH c AS ({_RELATIONS})
    SELECT c.oid::bigint AS id, r.rulename AS name, pg_get_ruledef(r.oid) AS definition,
        obj_description(r.oid, 'pg_rewrite') AS comment
    FROM c JOIN pg_rewrite r ON r.ev_class = c.oid
    WHERE r.rulename <> '_RETURN'
    ORDER BY c.oid, r.rulename"""  # noqa: S608  # as above

POLICIES = f"""
    WITH c AS ({_RELATIONS})
    SELECT c.oid::bigint AS id, p.polname AS name, p.polpermissive AS permissive,
        CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
            WHEN 'd' THEN 'DELETE' ELSE 'ALL' END AS command,
        (SELECT json_agg(coalesce(r.rolname, 'public') ORDER BY r.rolname)
         FROM unnest(p.polroles) AS u(role) LEFT JOIN pg_roles r ON r.oid = u.role) AS roles,
        pg_get_expr(p.polqual, p.polrelid) AS using,
        pg_get_expr(p.polwithcheck, p.polrelid) AS check,
        obj_description(p.oid, 'pg_policy') AS comment
    FROM c JOIN pg_policy p ON p.polrelid = c.oid
    ORDER BY c.oid, p.polname"""  # noqa: S608  # as above

TYPES = f"""
    SELECT t.oid::bigint AS id, t.typrelid::bigint AS relation, n.nspname AS schema,
        t.typname AS name, t.typtype AS kind,
        (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder)
         FROM pg_enum e WHERE e.enumtypid = t.oid) AS labels,
        CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS type,
        NOT t.typnotnull AS nullable, pg_get_expr(t.typdefaultbin, 0) AS default,
        CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation THEN
            (SELECT json_build_array(ln.nspname, l.collname) FROM pg_collation l
             JOIN pg_namespace ln ON ln.oid = l.collnamespace WHERE l.oid = t.typcollation)
        END AS collation,
        (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r
         WHERE r.rngtypid = t.oid) AS subtype,
        obj_description(t.oid, 'pg_type') AS comment
    FROM pg_type t
    JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_type b ON b.oid = t.typbasetype
    LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE {_ours()} AND {_not_of_extension("pg_type", "t.oid")}
      AND (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c'))
    ORDER BY n.nspname, t.typname"""  # noqa: S608  # as above

# Sequences of identity columns are part of their column.
SEQUENCES = f"""
    SELECT n.nspname AS schema, c.relname AS name, format_type(s.seqtypid, NULL) AS type,
        s.seqstart::text AS start, s.seqmin::text AS minimum, s.seqmax::text AS maximum,
        s.seqincrement::text AS increment, s.seqcycle AS cycle,
        CASE WHEN d.refobjid IS NOT NULL THEN {_PAIR.format(oid="d.refobjid")} END AS owner,
        a.attname AS owner_column, obj_description(c.oid, 'pg_class') AS comment
    FROM pg_sequence s
    JOIN pg_class c ON c.oid = s.seqrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE {_ours()} AND {_not_of_extension("pg_class", "c.oid")}
      AND c.relpersistence <> 't' AND d.deptype IS DISTINCT FROM 'i'
    ORDER BY n.nspname, c.relname"""  # noqa: S608  # as above

# pg_get_functiondef refuses aggregates.
ROUTINES = f"""
    SELECT n.nspname AS schema, p.proname AS name,
        pg_get_function_identity_arguments(p.oid) AS arguments,
        CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'w' THEN 'window function'
            WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind,
        CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE
            (SELECT concat_ws(E'\\n', 'SFUNC = ' || g.aggtransfn::regproc,
                 'STYPE = ' || format_type(g.aggtranstype, NULL),
                 'FINALFUNC = ' || nullif(g.aggfinalfn, 0)::regproc,
                 'COMBINEFUNC = ' || nullif(g.aggcombinefn, 0)::regproc,
                 'INITCOND = ' || quote_literal(g.agginitval))
             FROM pg_aggregate g WHERE g.aggfnoid = p.oid) END AS definition,
        pg_get_function_result(p.oid) AS returns, l.lanname AS language,
        obj_description(p.oid, 'pg_proc') AS comment
    FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_language l ON l.oid = p.prolang
    WHERE {_ours()} AND {_not_of_extension("pg_proc", "p.oid")}
      AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_proc'::regclass
                      AND i.objid = p.oid AND i.deptype = 'i')
    ORDER BY n.nspname, p.proname, arguments"""  # noqa: S608  # as above


def _count(what: str, catalog: str, space: str) -> str:
    joined = f"JOIN pg_namespace n ON n.oid = o.{space}" if space else ""
    where = _ours() if space else f"o.oid >= {_FIRST_OID}"
    return f"""SELECT '{what}' AS kind, count(*) AS number FROM {catalog} o {joined}
        WHERE {_not_of_extension(catalog, "o.oid", "'e', 'i'")} AND {where}"""  # noqa: S608  # as above


_FIRST_OID = 16384  # lower ones came with initdb (FirstNormalObjectId)

# What a database may hold and the model does not.
UNREAD = " UNION ALL ".join(
    _count(what, catalog, space)
    for what, catalog, space in (
        ("event triggers", "pg_event_trigger", ""),
        ("publications", "pg_publication", ""),
        ("foreign servers", "pg_foreign_server", ""),
        ("casts", "pg_cast", ""),
        ("extended statistics", "pg_statistic_ext", "stxnamespace"),
        ("collations", "pg_collation", "collnamespace"),
        ("operators", "pg_operator", "oprnamespace"),
        ("operator classes", "pg_opclass", "opcnamespace"),
        ("text search configurations", "pg_ts_config", "cfgnamespace"),
        ("text search dictionaries", "pg_ts_dict", "dictnamespace"),
    )
)
