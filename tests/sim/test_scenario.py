"""Scenario files: what they may say, what they choose, and one sentence for every mistake."""

from __future__ import annotations

import pytest

from sim import scenario
from sim.director import Director
from sim.faults import FAULTS
from sim.places import by_cluster, by_commune, province
from sim.scenario import Line, Scenario, ScenarioError

GOOD = '[[faults]]\nat_s = 3\nfault = "codec_hang_soft"\n'


@pytest.mark.parametrize("name", scenario.names())
def test_every_scenario_of_ours_is_good_and_uses_known_rules(name: str) -> None:
    found = scenario.load(name)
    assert found.lines
    assert {"vi", "en"} <= set(found.title)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there are no faults"),
        ("[[faults]\n", "not valid TOML"),
        (GOOD + "colour = 3\n", "there is no 'colour'"),
        (
            '[[faults]]\nat_s = 3\nfault = "flood"\n',
            f"there is no fault 'flood'; there are {', '.join(sorted(FAULTS))}",
        ),
        ('[[faults]]\nfault = "codec_hang_soft"\n', "at_s is missing"),
        (GOOD.replace("3", '"soon"'), "at_s must be a number from 0 to 86400, not 'soon'"),
        (GOOD.replace("3", "true"), "at_s must be a number"),
        (GOOD + "count = 0\n", "count must be a number from 1 to 664"),
        (GOOD + 'on = "attic"\n', "there are no 'attic' rooms; use one of light, cisco_serial"),
        (GOOD + "args = { volts = 3 }\n", "args of codec_hang_soft: there is no 'volts'"),
        (GOOD + "again_only = true\n", "again_only needs every_s"),
        ('[[faults]]\nat_s = 3\nfault = "ring_down"\n', "ring_down never ends by itself; give lasts_s"),
        ('[[faults]]\nat_s = 3\nfault = "ring_down"\nlasts_s = 9\non = "generic"\n', "strikes a whole cluster"),
        ('[[faults]]\nat_s = 3\nfault = "room_dark"\ncall_s = 9\n', "has nothing to do with a call"),
        ("faults = 3\n", "there are no faults"),
        (GOOD + "[meeting]\nin_min = -4\n", "meeting: in_min must be a number from 0"),
        (GOOD + '[meeting]\ntitle = "Giao ban 07:30"\n', "the title says 07:30, and the meeting starts in_min"),
        (GOOD + '[meeting]\ntitle = "Họp 8 giờ"\n', "the title says 8 giờ"),
        (GOOD + '[meeting]\ntitle = "Giao ban 7h30 sáng"\n', "the title says 7h30"),
        (GOOD + "[meeting]\nlasts_min = 60\nevery_min = 30\n", "every_min must not be below lasts_min"),
    ],
)
def test_every_mistake_is_one_clear_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario.parse(text, "mine")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("mine")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("title", ["Giao ban toàn tỉnh", "Triển khai 5G, 16 hội nghị", "Tổng kết năm 2026"])
def test_a_meeting_may_be_called_by_any_name_without_a_time(title: str) -> None:
    assert scenario.parse(GOOD + f'[meeting]\ntitle = "{title}"\n', "mine").meeting_title == title


def test_an_unknown_scenario_is_named_with_those_there_are() -> None:
    assert {"hub_off", "morning"} <= set(scenario.names())
    with pytest.raises(ScenarioError, match=f"there is no scenario 'evening'; there are {', '.join(scenario.names())}"):
        scenario.load("evening")


def test_the_province_is_what_the_facts_say() -> None:
    places = province()
    assert len(places) == 621
    assert len({place.room for place in places}) == 621
    communes = by_commune(places)
    assert len(communes) == 166
    assert {len(rooms) for rooms in communes.values()} == {3, 4}
    assert "14797" in communes
    invented = [place for place in places if not place.name.startswith("Phòng họp trực tuyến – UBND")]
    assert all("mô phỏng" in place.name for place in invented)


@pytest.mark.parametrize("count", [1, 7, 30, 100, 498, 500, 664])
def test_a_province_of_any_size_has_the_rooms_asked_for(count: int) -> None:
    places = province(count, seed=3)
    assert len(places) == len({place.room for place in places}) == count


def test_too_many_rooms_are_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="1 to 664 rooms, not 700"):
        province(700)


@pytest.mark.parametrize("seed", range(5))
def test_the_morning_strikes_no_room_twice_and_whole_communes_and_clusters(seed: int) -> None:
    places = province()
    real = {place.room: kind for place, kind in zip(places[::100], ("cisco_tcp", "cisco_serial"), strict=False)}
    planned = Director(scenario.load("morning"), places, real, seed).first_round()
    rooms = [room for plan in planned for room in plan.rooms]
    assert len(rooms) == len(set(rooms))
    struck = {plan.line.fault: set(plan.rooms) for plan in planned}
    assert struck["ring_down"] in [set(rooms) for rooms in by_cluster(places).values()]
    assert struck["mains_lost"] in [set(rooms) for rooms in by_commune(places).values()]
    assert [plan.at_s for plan in planned] == sorted(plan.at_s for plan in planned)
    assert any(plan.line.call_s for plan in planned)
    assert all(FAULTS[plan.line.fault].scope == "room" for plan in planned if set(plan.rooms) & set(real))


def test_the_same_seed_strikes_the_same_rooms() -> None:
    def struck(seed: int) -> list[tuple[str, ...]]:
        return [plan.rooms for plan in Director(scenario.load("morning"), province(), {}, seed).first_round()]

    assert struck(4) == struck(4)
    assert struck(4) != struck(5)


def test_a_small_province_leaves_out_what_finds_no_room() -> None:
    lines = (Line(1, "codec_hang_soft"), Line(3, "ring_down", lasts_s=5))
    director = Director(Scenario("small", {}, lines), province(3), {}, 0)
    assert [(plan.line.fault, len(plan.rooms)) for plan in director.first_round()] == [("ring_down", 3)]


def test_only_rooms_that_suit_a_fault_are_struck_by_it() -> None:
    places = province(30)
    fitted = {place.room for place in places[::7]}
    hang, dark = Line(1, "codec_hang_soft", count=30), Line(1, "room_dark")
    director = Director(
        Scenario("x", {}, (hang, dark)), places, {}, 0, lambda room, fault: fault == dark.fault or room in fitted
    )
    struck = {plan.line.fault: plan.rooms for plan in director.first_round()}
    assert set(struck["codec_hang_soft"]) <= fitted
    assert len(struck["room_dark"]) == 1


def test_freed_rooms_may_be_struck_again() -> None:
    line = Line(1, "codec_hang_soft", count=300)
    director = Director(Scenario("again", {}, (line,)), province(300), {}, 0)
    rooms = director.choose(line)
    assert len(rooms) == 300
    assert director.choose(line) == ()
    director.over(rooms)
    assert director.choose(line) == (), "they rest"
    director.free(line, rooms)
    assert set(director.choose(line)) == set(rooms)


def test_a_room_that_rests_from_one_fault_may_have_a_wider_one() -> None:
    hang, ring = Line(1, "codec_hang_soft", count=200), Line(2, "ring_down", lasts_s=5)
    director = Director(Scenario("again", {}, (hang, ring)), province(300), {}, 0)
    rooms = director.choose(hang)
    assert director.choose(ring) == (), "no cluster is whole"
    fewest = min(sum(room in rooms for room in group) for group in by_cluster(province(300)).values())
    assert sum(room in rooms for room in director.choose(ring, again=True)) == fewest
    director.over(rooms)
    assert director.choose(ring)


def test_a_small_province_has_single_rooms_struck_more_seldom() -> None:
    hang, ring = Line(1, "codec_hang_soft", every_s=60), Line(2, "ring_down", lasts_s=5, every_s=240)
    plan = Scenario("again", {}, (hang, ring))
    small, whole = Director(plan, province(30), {}, 0), Director(plan, province(), {}, 0)
    assert (small.period_s(hang), whole.period_s(hang)) == (600, 60)
    assert small.period_s(ring) == whole.period_s(ring) == 240
