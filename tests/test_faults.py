"""A seeded slice of every fault campaign, and the model of a disk that one of them rests on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.__main__ import CAMPAIGNS
from tests.faults.tally import Tally

ROOT = Path(__file__).parent.parent
SEED = "1"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the campaigns need Linux")


@pytest.fixture(scope="module")
def tallies(tmp_path_factory):
    """What the command counted, by campaign; its own process, which forks, has but one thread."""
    counted = tmp_path_factory.mktemp("faults") / "counted.json"
    words = [sys.executable, "-m", "tests.faults", "--seed", SEED, "--json", str(counted)]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=1800)
    sys.stdout.write(ended.stdout)
    assert counted.exists(), ended.stdout + ended.stderr
    found = {tally["name"]: tally for tally in json.loads(counted.read_text())}
    assert ended.returncode == any(tally["failures"] for tally in found.values())
    return found


@pytest.mark.long
@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_slice_of(name, tallies):
    tally = tallies[name]
    assert tally["failures"] == []
    if tally["skipped"]:
        pytest.skip(tally["skipped"])
    assert sum(tally["counts"].values()) > 10


class TestTally:
    @pytest.fixture
    def tally(self, tmp_path):
        return Tally("a name", 7, False, tmp_path)

    def test_a_fault_that_never_landed_fails_the_campaign(self, tally):
        tally.count("hit")
        tally.need("hit")
        assert tally.failures == []
        tally.need("hit", 2)
        assert tally.failures == ["hit: 1, not 2 or more: the fault did not land"]
        assert "a name, seed 7, slice: FAILED" in tally.report()
