CREATE EXTENSION citext;
CREATE EXTENSION btree_gist;
CREATE SCHEMA billing;
COMMENT ON SCHEMA billing IS 'Money, and who owes it';
CREATE TYPE mood AS ENUM ('fine', 'it''s bad', 'naïve');
CREATE TYPE billing.address AS (street text, zip varchar(10), "Land" char(2));
CREATE TYPE billing.span AS RANGE (subtype = date);
CREATE DOMAIN billing.amount AS numeric(12,2) DEFAULT 0 NOT NULL CHECK (VALUE >= 0);
CREATE COLLATION billing.german (provider = icu, locale = 'de');
CREATE SEQUENCE billing.numbers AS integer START 100 INCREMENT 5 MAXVALUE 100000 CYCLE;
CREATE TABLE "Odd ""Name""; DROP" ("Key on" serial PRIMARY KEY, "sel ect" text DEFAULT E'a\'b;--');
CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name varchar(80) NOT NULL CHECK (name IN ('a', 'b', 'c,d')),
    kind varchar(5)[] CHECK (kind <@ ARRAY['x', 'y']::varchar[]),
    email citext UNIQUE, mood mood DEFAULT 'fine', home billing.address,
    born date DEFAULT '2020-02-03', seen timestamptz DEFAULT '2020-01-01 12:00+02',
    every interval DEFAULT '1 day 02:03', tags text[] DEFAULT '{}'::text[] NOT NULL,
    data jsonb DEFAULT '{"a": [1, -2]}', raw bytea DEFAULT '\x00ff', flag bit varying(5),
    label text COLLATE "C", low text GENERATED ALWAYS AS (lower(label)) STORED,
    at timestamp(3) without time zone, part double precision DEFAULT -1.5, n smallint DEFAULT -1
);
CREATE TABLE billing.orders (
    id bigserial, customer bigint, total billing.amount, period daterange,
    created timestamptz DEFAULT now() NOT NULL, state char(3) DEFAULT 'new',
    CONSTRAINT orders_pk PRIMARY KEY (id) INCLUDE (created),
    CONSTRAINT orders_customer_fk FOREIGN KEY (customer) REFERENCES public.customers (id)
        ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT no_overlap EXCLUDE USING gist (customer WITH =, period WITH &&) WHERE (state IN ('new', 'old')),
    CONSTRAINT either CHECK (state IN ('new', 'old') OR (total > 5 AND customer IS NOT NULL)) NO INHERIT,
    UNIQUE NULLS NOT DISTINCT (customer, created)
);
ALTER TABLE billing.orders ADD CONSTRAINT later CHECK (total < 1e6) NOT VALID;
CREATE INDEX ON billing.orders (customer DESC NULLS LAST, (total::numeric + 1)) WHERE state <> 'old';
CREATE UNIQUE INDEX lowest ON customers (lower(name) text_pattern_ops) INCLUDE (born);
CREATE INDEX tagged ON customers USING gin (tags) WITH (fastupdate = off);
CREATE TABLE billing.events (id bigint, at date NOT NULL, kind text, PRIMARY KEY (id, at),
    CHECK (kind IN ('a', 'b'))) PARTITION BY RANGE (at);
CREATE TABLE billing.events_2020 PARTITION OF billing.events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE billing.events_rest PARTITION OF billing.events DEFAULT;
CREATE INDEX events_kind ON billing.events (kind);
CREATE TABLE billing.vip (level int CHECK (level > 0)) INHERITS (customers);
CREATE UNLOGGED TABLE billing.cache (key text PRIMARY KEY, value text) WITH (fillfactor = 70);
CREATE VIEW billing.totals AS
    SELECT c.id, c.name AS "Name", sum(o.total) AS total, count(*) FILTER (WHERE o.state IN ('new', 'x')) AS fresh
    FROM customers c LEFT JOIN billing.orders o ON o.customer = c.id
    WHERE c.name IN ('a', 'b') AND c.name NOT LIKE 'z%' AND c.born BETWEEN '2020-01-01' AND '2021-01-01'
    GROUP BY c.id, c.name HAVING count(*) > 1 ORDER BY 2 DESC LIMIT 10;
CREATE VIEW safe WITH (security_barrier) AS SELECT * FROM customers WHERE mood = 'fine' WITH CASCADED CHECK OPTION;
CREATE MATERIALIZED VIEW billing.daily AS
    WITH RECURSIVE d(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM d WHERE n < 9) SELECT n, CASE n WHEN 1 THEN 'x' ELSE 'y' END AS c FROM d;
CREATE UNIQUE INDEX ON billing.daily (n);
CREATE FUNCTION billing.touch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    NEW.created := now(); -- it's; here
    RETURN NEW;
END $body$;
CREATE FUNCTION plus(a int, b int DEFAULT 1, VARIADIC c int[] DEFAULT '{}') RETURNS int
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 5 AS 'select a + b';
CREATE FUNCTION plus(a text) RETURNS TABLE (x int, y text) LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = public AS $$ SELECT 1, a $$;
CREATE FUNCTION twice(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT CASE WHEN a > 0 THEN a * 2 ELSE 0 END; END;
CREATE PROCEDURE billing.clean(INOUT n int) LANGUAGE plpgsql AS $$ BEGIN DELETE FROM billing.cache; END $$;
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE TRIGGER touched BEFORE INSERT OR UPDATE OF state ON billing.orders
    FOR EACH ROW WHEN (NEW.state IN ('new', 'old')) EXECUTE FUNCTION billing.touch();
CREATE CONSTRAINT TRIGGER checked AFTER INSERT ON customers DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION billing.touch();
ALTER TABLE customers DISABLE TRIGGER checked;
CREATE RULE quiet AS ON DELETE TO billing.cache WHERE old.key IN ('a', 'b') DO INSTEAD NOTHING;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE customers FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON customers FOR UPDATE TO PUBLIC USING (name = current_user) WITH CHECK (name IN ('a', 'b'));
COMMENT ON TABLE customers IS 'Who buys; "quoted" <b>markup</b>';
COMMENT ON COLUMN customers.email IS 'Personal';
COMMENT ON INDEX lowest IS 'For the search';
COMMENT ON CONSTRAINT orders_pk ON billing.orders IS 'The key';
COMMENT ON TRIGGER touched ON billing.orders IS 'Stamps';
COMMENT ON FUNCTION twice(int) IS 'Doubles';
COMMENT ON TYPE mood IS 'How one feels';
COMMENT ON VIEW billing.totals IS 'Per customer';
