"""The claims of the chapter *Lives of another length* that stored results bear out."""

import numpy as np

from meta_bandit.studies import lifetimes as chapter
from tests.chapters.lifetimes import elsewhere, staying, turned


def test_specialists_lose_abroad_and_do_not_obey_their_clock():
    data, facts = elsewhere()
    means = chapter.abroad(data)
    fraction = means.sel(clock="fraction")
    assert fraction["specialists, longer"] > 0.93 > fraction["agents, longer"]
    assert fraction["specialists, shorter"] > 0.9 > fraction["agents, shorter"]
    assert means["specialists, shorter"].sel(clock="elapsed") < 0.8
    assert means["specialists, shorter"].sel(clock="remaining") < 0.2
    assert (means["agents, shorter"] > 0.75).all()
    longer = means["agents, longer"]
    assert longer.sel(clock="fraction") > longer.sel(clock="remaining") + 0.1
    assert facts["idle-most"].value < 10
    for where in chapter.OFF_DIAGONAL:
        assert facts[f"lost-{where}"].value > 2 * facts[f"exact-{where}"].value
        assert facts[f"lost-{where}"].value > facts[f"exact-{where}"].value + 5


def test_short_lives_teach_to_leave_good_arms():
    _, facts = staying()
    assert facts["kept-few"].value < 65 < facts["kept-stage"].value


def test_the_exact_reader_is_led_by_the_clock_and_agents_are_not():
    data, facts = turned()
    np.testing.assert_allclose(data.reader_share.sel(tampering="right"), 1)
    _, reader = chapter.moved(data, "risky")
    assert (reader.sel(tampering=["early", "first"]) > 5).all()
    assert (reader.sel(tampering=["late", "middle", "last", "backwards"]) < -5).all()
    for told in (*chapter.CLOCKS, "across"):
        follows, half = (facts[f"follows{key}-{told}"].value for key in ("", "-half"))
        assert follows + half < 30, told
    assert [facts[f"seeds-{told}"].value for told in (*chapter.CLOCKS, "across")] == [3, 3, 3, 12]
    # who never pulls can follow no clock; nobody else is left out of a world
    assert data.idle.sum() == facts["idlers"].value == 2
    lived = data.agents_risky.sel(tampering="right").count()
    assert lived + 2 == data.idle.count() == 3 * 3 * 2 + 12 * 3
