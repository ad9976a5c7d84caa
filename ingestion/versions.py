"""Staged rows of one raw table into new versions: what is new, changed, unchanged, or contradicts itself.

Belongs here: comparing staged rows with one another and with the warehouse, and the two clocks of a version. Does
not belong here: making staged rows (`ingestion.mapping_sql`).

A version is known by source, key and content. With the source's own `known_at` the clock belongs to its identity,
and several versions of a key may arrive at once; without it a row is new if it differs from the newest version.
Rows are staged in file order, so `rowid` is the order of the file.
"""

# ruff: noqa: S608 - names are quoted by sql_text and come from the contract or a validated settings file
from dataclasses import dataclass
from datetime import datetime

import duckdb

from ingestion.contract_fields import RawTable
from ingestion.mapping_sql import staged_columns
from ingestion.sql_text import listed, literal, name

STAGE = "staged"


@dataclass(frozen=True)
class Arrival:
    """One load of one table.

    Attributes:
        now: the landing, naive UTC.
        undated: `known_at` in a first load of a row whose event time the source does not give.
        keep_known: mappings (by their place) whose rows yield to a key that is already known.
        files: the files that were read, as `source_file` names them.
        increments: mappings (by their place) whose files are deliveries, of which the last one about a key counts.
    """

    table: RawTable
    source: str
    load_id: str
    now: datetime
    undated: datetime
    keep_known: tuple[int, ...]
    files: tuple[str, ...]
    increments: tuple[int, ...] = ()


@dataclass(frozen=True)
class Versions:
    """Rows of one arrival by what became of them; they add up to the rows staged."""

    inserted: int
    updated: int
    unchanged: int
    quarantined: int


def create_stage(con: duckdb.DuckDBPyConnection, table: RawTable) -> None:
    """An empty temporary table for the staged rows of `table`, in place of an earlier one."""
    declared = ", ".join(f"{name(column)} {kind}" for column, kind in staged_columns(table).items())
    con.execute(f"create or replace temp table {STAGE} ({declared})")


def store(con: duckdb.DuckDBPyConnection, arrival: Arrival) -> Versions:
    """Write the staged rows as versions or to quarantine, and count them."""
    _find_superseded(con, arrival)
    _find_contradictions(con, arrival)
    accepted = _count(con, f"select count(*) from {STAGE} where {_GOOD}")
    staged = _count(con, f"select count(*) from {STAGE}")
    _find_news(con, arrival)
    _insert(con, arrival)
    _quarantine(con, arrival)
    inserted = _count(con, "select count(*) from news where is_first")
    updated = _count(con, "select count(*) from news where not is_first")
    return Versions(inserted, updated, accepted - inserted - updated, staged - accepted)


_GOOD = "len(reasons) = 0 and rowid not in (select id from contradictions)"
# A later delivery brought an accepted row of the refused row's key.
_REPLACED = "coalesce(g.file_no > s.file_no, false)"
_STANDS = "rowid not in (select id from superseded)"


def _find_superseded(con: duckdb.DuckDBPyConnection, arrival: Arrival) -> None:
    """Rows that a later delivery of the same landing replaces; they were accepted once, and count as unchanged.

    A refused row replaces nothing: the last good one stays.
    """
    con.execute(f"""
        create or replace temp table superseded as
        select rowid as id from {STAGE}
        where len(reasons) = 0 and given_known_at is null and mapping_no in ({_deliveries(arrival)})
        qualify file_no < max(file_no) over (partition by mapping_no, {name(arrival.table.key)})
    """)


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])


def _find_contradictions(con: duckdb.DuckDBPyConnection, arrival: Arrival) -> None:
    """Rows that give a key other content than an earlier row of the same load (and the same source clock)."""
    key = name(arrival.table.key)
    con.execute(f"""
        create or replace temp table contradictions as
        with firsts as (
            select {key} as key, given_known_at, arg_min(row_hash, rowid) as row_hash,
                arg_min(source_row, rowid) as source_row, arg_min(source_file, rowid) as source_file
            from {STAGE} where len(reasons) = 0 and {_STANDS} and {_is_firm(arrival)}
            group by {key}, given_known_at having count(distinct row_hash) > 1
        )
        select s.rowid as id,
            'row ' || s.source_row || ', column {arrival.table.key}: ''' || left(s.{key}, 60)
            || ''' has other content in row ' || f.source_row || ' of ' || f.source_file as reason
        from {STAGE} as s
        join firsts as f on s.{key} = f.key and s.given_known_at is not distinct from f.given_known_at
        where len(s.reasons) = 0 and s.row_hash <> f.row_hash and s.{_STANDS} and {_is_firm(arrival)}
    """)


def _find_news(con: duckdb.DuckDBPyConnection, arrival: Arrival) -> None:
    """The staged rows that become versions, with their `known_at`; `is_first` marks the first one of a new key."""
    table, source = f"raw.{arrival.table.name}", literal(arrival.source)
    is_first_load = _count(con, f"select count(*) from (from {table} where source = {source} limit 1)") == 0
    now = f"timestamp {literal(arrival.now)}"
    historical = f"least(coalesce(s.event_clock, timestamp {literal(arrival.undated)}), {now})"
    _compare(con, arrival)
    con.execute(f"""
        create or replace temp table news as
        with fresh as (
            select * from compared
            where case when not is_firm then is_new_key and is_earliest
                when given_known_at is null then is_changed else is_new_clock end
        )
        select f.id, coalesce(s.given_known_at, {historical if is_first_load else now}) as known_at,
            f.is_new_key and row_number() over (partition by f.key order by s.given_known_at, f.id) = 1 as is_first
        from fresh as f join {STAGE} as s on s.rowid = f.id
    """)


def _compare(con: duckdb.DuckDBPyConnection, arrival: Arrival) -> None:
    """Each content of each key beside the newest version; one blocking operator a statement, to stay in memory."""
    table, key, source = f"raw.{arrival.table.name}", name(arrival.table.key), literal(arrival.source)
    con.execute(f"""
        create or replace temp table candidates as
        select min(rowid) as id, {key} as key, given_known_at, row_hash, bool_or({_is_firm(arrival)}) as is_firm
        from {STAGE} where {_GOOD} and {_STANDS} group by {key}, given_known_at, row_hash
    """)
    con.execute(f"""
        create or replace temp table newest as
        select {key} as key, row_hash from {table} where source = {source}
        qualify row_number() over (partition by {key} order by known_at desc, loaded_at desc) = 1
    """)
    con.execute(f"""
        create or replace temp table known_clocks as
        select c.id from candidates as c join {table} as r on r.{key} = c.key
            and r.known_at = c.given_known_at and r.row_hash = c.row_hash
        where r.source = {source} and c.given_known_at is not null
    """)
    con.execute("""
        create or replace temp table earliest as
        select min(id) as id from candidates where key in (select key from candidates where not is_firm) group by key
    """)
    con.execute("""
        create or replace temp table compared as
        select c.*, n.key is null as is_new_key, n.row_hash is distinct from c.row_hash as is_changed,
            c.id not in (select id from known_clocks) as is_new_clock,
            c.id in (select id from earliest) as is_earliest
        from candidates as c left join newest as n on n.key = c.key
    """)


def _is_firm(arrival: Arrival) -> str:
    """Whether a staged row stands on its own, other than one that yields to a known key."""
    yielding = ", ".join(str(position) for position in arrival.keep_known)
    return f"mapping_no not in ({yielding})" if yielding else "true"


def _insert(con: duckdb.DuckDBPyConnection, arrival: Arrival) -> None:
    columns = ", ".join(name(column.name) for column in arrival.table.columns)
    con.execute(f"""
        insert into raw.{arrival.table.name}
            ({columns}, source, known_at, loaded_at, row_hash, source_file, source_row)
        select {columns}, {literal(arrival.source)}, n.known_at, timestamp {literal(arrival.now)},
            row_hash, source_file, source_row
        from {STAGE} as s join news as n on n.id = s.rowid
        order by s.rowid
    """)


def _quarantine(con: duckdb.DuckDBPyConnection, arrival: Arrival) -> None:
    """Keep the refused rows: one that is there for the same reasons is not kept twice, one refused no more is mended.

    A row is mended when its file was read again without it being refused, its key came in an accepted row of another
    file, or in one of a later delivery, however often its own is read; it is no longer mended when it is refused anew.
    """
    texts = ", ".join(
        f"{literal(column.name)}, cast(s.{name(column.name)} as varchar)" for column in arrival.table.columns
    )
    con.execute(f"""
        create or replace temp table refused as
        select s.source_file, s.source_row, s.reasons, s."row", {_REPLACED} as is_replaced
        from {STAGE} as s left join {_last_good(arrival)} where len(s.reasons) > 0
        union all
        select s.source_file, s.source_row, [c.reason], cast(json_object({texts}) as varchar), {_REPLACED}
        from {STAGE} as s join contradictions as c on c.id = s.rowid left join {_last_good(arrival)}
    """)
    _mend(con, arrival)
    con.execute(f"""
        insert into quarantine.{arrival.table.name}
            (load_id, source, source_file, source_row, loaded_at, reasons, "row", mended_at)
        select {literal(arrival.load_id)}, {literal(arrival.source)}, source_file, source_row,
            timestamp {literal(arrival.now)}, reasons, "row",
            case when is_replaced then timestamp {literal(arrival.now)} end
        from refused as r
        where not exists (from quarantine.{arrival.table.name} as q where {_is_kept(arrival)})
        order by source_file, source_row
    """)


def _last_good(arrival: Arrival) -> str:
    """The last delivery with an accepted row of each key, to be joined to the staged rows `s`."""
    key, deliveries = name(arrival.table.key), f"mapping_no in ({_deliveries(arrival)})"
    return (
        f"(select mapping_no, {key} as key, max(file_no) as file_no from {STAGE} "
        f"where {deliveries} and {_GOOD} group by all) as g on g.mapping_no = s.mapping_no and g.key = s.{key}"
    )


def _deliveries(arrival: Arrival) -> str:
    return ", ".join(str(position) for position in arrival.increments) or "null"


def _mend(con: duckdb.DuckDBPyConnection, arrival: Arrival) -> None:
    table, key = f"quarantine.{arrival.table.name}", name(arrival.table.key)
    refused_key = f"""json_extract_string(q."row", {literal(f"$.{arrival.table.key}")})"""
    con.execute(f"""
        update {table} as q set mended_at = null
        where q.mended_at is not null and exists (from refused as r where {_is_kept(arrival)} and not r.is_replaced)
    """)
    con.execute(f"""
        update {table} as q set mended_at = timestamp {literal(arrival.now)}
        where q.mended_at is null and q.source = {literal(arrival.source)}
            and not exists (from refused as r where {_is_kept(arrival)} and not r.is_replaced)
            and (
                q.source_file in ({listed(arrival.files)})
                or {refused_key} in (
                    select {key} from {STAGE}
                    where {key} in (select {refused_key} from {table} as q where q.mended_at is null) and {_GOOD}
                )
            )
    """)


def _is_kept(arrival: Arrival) -> str:
    """Whether the refused row `r` is the row `q` of quarantine."""
    return (
        f"q.source = {literal(arrival.source)} and q.source_file = r.source_file "
        'and q.source_row = r.source_row and q.reasons = r.reasons and q."row" = r."row"'
    )
