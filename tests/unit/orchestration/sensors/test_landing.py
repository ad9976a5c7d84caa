import os
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from ingestion.contents import content_hash, digest_of, files_of
from orchestration.assets.ingestion import raw_tables, source_files
from orchestration.resources import Deployment
from orchestration.sensors import landing
from orchestration.sensors.landing import new_files
from tests import small_companies

QUIET = 60


class Clock:
    """The sensor's clock, moved by the test."""

    now = 1_700_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Watch:
    """Ticks of the sensor in contexts of their own, as after a restart of daemon and code server."""

    def __init__(self, deployment: Deployment, instance: dg.DagsterInstance, clock: Clock) -> None:
        self.deployment, self.instance, self.clock = deployment, instance, clock
        self.folder = deployment.source_folder / "small"
        self.cursor: str | None = None
        self.run_keys: list[str] = []
        self.reason = ""

    def tick(self, *, after: float = 0, dies: bool = False) -> int:
        """One tick; returns how many runs it asked for. One that dies has asked, but its cursor is lost."""
        self.clock.now += after
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor) as context:
            data = new_files(self.deployment).evaluate_tick(context)
        requests = data.run_requests or []
        asked = [str(one.run_key) for one in requests if one.run_key not in self.run_keys]
        self.run_keys += asked
        self.reason = data.skip_message or ""
        # Dagster keeps the cursor of a tick that skips only if the tick gave one.
        self.cursor = self.cursor if dies else data.cursor or self.cursor
        return len(asked)

    def settle(self) -> int:
        """Ticks until every file counts as written; returns how many runs were asked for."""
        return self.tick() + self.tick(after=QUIET)

    def landed(self) -> None:
        """What a landing of the files as they are leaves on record."""
        files = files_of(self.folder, self.deployment.company.source)
        content = digest_of({name: content_hash(one.path) for name, one in files.items()})
        loads = dg.AssetMaterialization(["control", "loads"], metadata={landing.CONTENTS: content})
        self.instance.report_runless_asset_event(loads)
        self.deployment.warehouse_path.touch()

    def put(self, text: str, name: str = "accounts.csv") -> None:
        path = self.folder / name
        path.write_text(text)
        os.utime(path, ns=(len(self.run_keys) + 1, int(self.clock.now * 1e9)))


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    clock = Clock()
    monkeypatch.setattr(landing, "time", clock)
    deployment = small_companies.deploy(tmp_path, "small", "contractual", {"accounts": []})
    return Watch(deployment, dg.DagsterInstance.ephemeral(), clock)


def test_a_file_is_asked_for_once(watch: Watch) -> None:
    """New content gives one run over all months, and no further one while nothing changes."""
    assert watch.settle() == 1
    assert [watch.tick(after=3600) for _ in range(3)] == [0, 0, 0]
    assert "Nothing new among 1 files" in watch.reason


def test_content_that_comes_back_is_landed_again(watch: Watch) -> None:
    """A, then B, then A are three deliveries with three runs, although the first and the last are alike."""
    asked = []
    for text in ("a", "b", "a"):
        watch.put(text)
        asked.append(watch.settle())
    assert asked == [1, 1, 1]


def test_a_file_still_being_written_waits(watch: Watch) -> None:
    """As long as size or time of change move, nothing is asked for; afterwards once, for the whole file."""
    asked = []
    for size in range(1, 4):
        watch.put("x" * size)
        asked.append(watch.tick(after=QUIET - 1))
    assert asked == [0, 0, 0]
    assert "accounts.csv" in watch.reason
    assert watch.tick(after=QUIET) == 1


def test_a_copy_that_keeps_old_times_waits_as_well(watch: Watch) -> None:
    """A file whose time of change lies years back may still grow; it waits from when it was first seen."""
    watch.put("half")
    os.utime(watch.folder / "accounts.csv", (1, 1))
    assert (watch.tick(), watch.tick(after=QUIET)) == (0, 1)


def test_a_touched_file_does_nothing(watch: Watch) -> None:
    """Another time of change with the same bytes is no delivery."""
    watch.settle()
    os.utime(watch.folder / "accounts.csv", (5, 5))
    assert watch.settle() == 0


def test_a_crash_between_request_and_cursor_asks_once(watch: Watch) -> None:
    """The daemon dies after it launched the run: the next tick gives the same run key, which Dagster knows."""
    watch.tick()
    assert watch.tick(after=QUIET, dies=True) == 1
    assert watch.tick(after=QUIET) == 0
    watch.put("b")
    assert watch.settle() == 1


def test_a_file_that_went_away_asks_for_nothing(watch: Watch) -> None:
    """What was landed of a file stays; one that comes back after it was missed is a delivery."""
    watch.put("old", "leads.csv")
    path = watch.deployment.companies_folder + "/small.toml"
    Path(path).write_text(small_companies.settings("contractual", ["accounts", "leads"]))
    assert watch.settle() == 1
    (watch.folder / "leads.csv").unlink()
    assert watch.settle() == 0
    watch.put("old", "leads.csv")
    assert watch.settle() == 1


def test_files_that_a_run_has_landed_are_not_asked_for(watch: Watch) -> None:
    """When the daily schedule or a person landed the files, the sensor has nothing to add; what changes then is new."""
    assets, resources = [source_files, raw_tables], {"deployment": watch.deployment}
    assert dg.materialize(assets, resources=resources, instance=watch.instance).success
    assert watch.settle() == 0
    assert "landed these files already" in watch.reason
    watch.put("b")
    assert watch.settle() == 1


def test_a_missing_folder_is_named(watch: Watch) -> None:
    """Without its folder the sensor skips, and says which folder it is and whom to ask."""
    watch.folder.rename(watch.folder.with_name("elsewhere"))
    assert watch.tick() == 0
    assert str(watch.folder) in watch.reason
    assert "Ask Ann" in watch.reason


def test_an_unreadable_file_is_named(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be read is a reason with its path, not a failed tick; mended, it is asked for."""
    denied = _denied(watch.folder / "accounts.csv")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", denied)
        watch.settle()
        assert str(watch.folder / "accounts.csv") in watch.reason
    assert watch.settle() == 1


def _denied(path: Path) -> Callable[..., object]:
    opened = Path.open

    def open_(self: Path, *arguments: object, **named: object) -> object:
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(self, *arguments, **named)  # type: ignore[call-overload]

    return open_


def test_a_clock_that_was_put_back_does_not_hold_a_file(watch: Watch) -> None:
    """When the machine's clock jumps back by a day, a file waits for the quiet seconds, not for a day."""
    watch.tick()
    watch.clock.now -= 86_400
    assert (watch.tick(), watch.tick(after=QUIET)) == (0, 1)


def _other_bytes_same_stamp(watch: Watch) -> None:
    path = watch.folder / "accounts.csv"
    before = path.stat()
    path.write_bytes(b"x" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _renamed(watch: Watch) -> None:
    (watch.folder / "accounts.csv").rename(watch.folder / "accounts-renamed.csv")


def _sent_twice(watch: Watch) -> None:
    (watch.folder / "accounts-again.csv").write_bytes((watch.folder / "accounts.csv").read_bytes())


def _half_written(watch: Watch) -> None:
    watch.put("half")
    watch.tick()
    watch.put("half and the rest")


def _deleted(watch: Watch) -> None:
    (watch.folder / "accounts.csv").unlink()


def _cursor_reset(watch: Watch) -> None:
    watch.cursor = None


def _memory_lost(watch: Watch) -> None:
    (watch.deployment.state / landing.SEEN_FILES).write_text('{"acc')


def _new_instance(watch: Watch) -> None:
    watch.cursor, watch.instance, watch.run_keys = None, dg.DagsterInstance.ephemeral(), []


@pytest.mark.parametrize(
    ("happens", "asked"),
    [
        (_other_bytes_same_stamp, 1),
        # Rows are read in the order of the names: another name may be another outcome.
        (_renamed, 1),
        (_sent_twice, 1),
        (_half_written, 1),
        (_deleted, 0),
        (_cursor_reset, 0),
        (_memory_lost, 0),
        # Nothing is on record there: one landing too many, which changes nothing.
        (_new_instance, 1),
    ],
)
def test_after_a_landing_only_another_content_is_asked_for(
    watch: Watch, happens: Callable[[Watch], None], asked: int
) -> None:
    """Whatever happens to a landed file, or to what the sensor remembers of it, asks for one run or for none."""
    settings = Path(watch.deployment.companies_folder) / "small.toml"
    settings.write_text(settings.read_text().replace('path = "accounts.csv"', 'path = "accounts*.csv"'))
    (watch.folder / "accounts-first.csv").write_bytes((watch.folder / "accounts.csv").read_bytes())
    assert watch.settle() == 1
    watch.landed()
    happens(watch)
    assert (watch.settle(), watch.tick(after=3600)) == (asked, 0)


def test_a_reset_cursor_asks_again_for_what_no_run_has_landed(watch: Watch) -> None:
    """A person who resets the cursor after a failed run gets another run, of a key that Dagster does not know yet."""
    watch.settle()
    watch.landed()
    watch.put("b")
    assert watch.settle() == 1
    watch.cursor = None
    assert watch.settle() == 1


def test_files_of_a_company_that_was_reset_are_new(watch: Watch) -> None:
    """What Dagster has on record of a landing counts as long as its warehouse is there."""
    watch.settle()
    watch.landed()
    shutil.rmtree(watch.deployment.state)
    assert watch.settle() == 1


def test_the_cursor_is_small_however_many_files(watch: Watch) -> None:
    """Dagster keeps the cursor with every tick: it names no file."""
    watch.settle()
    assert watch.cursor == '{"requests": 1}'
