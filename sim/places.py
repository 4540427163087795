"""The province for a demonstration: real communes, invented second sites, clusters and contacts, all marked as such.

Communes: `data/thanh-hoa-communes.csv`, the 166 units since 1 July 2025 with the statistics office's codes. 621 rooms
over them are three or four each (rooms-vn, "Data"). Which sites there are besides the commune's own office is not known
to us: those, the clusters, the people and their numbers are invented, and say "mô phỏng" or use numbers that nobody can
have.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from importlib import resources

PROVINCE = ("38", "Tỉnh Thanh Hóa")
ROOMS = 621
COMMUNES_A_CLUSTER = 6
SMALL = 120
"""A province of fewer rooms has clusters of two communes, so that one cluster is not all of it."""
SITES = (
    ("Trụ sở UBND", "Phòng họp trực tuyến – UBND {place}"),
    ("Trụ sở cũ 1 (mô phỏng)", "Phòng họp trực tuyến – {place}, trụ sở cũ 1 (mô phỏng)"),
    ("Trụ sở cũ 2 (mô phỏng)", "Phòng họp trực tuyến – {place}, trụ sở cũ 2 (mô phỏng)"),
    ("Trụ sở cũ 3 (mô phỏng)", "Phòng họp trực tuyến – {place}, trụ sở cũ 3 (mô phỏng)"),
)
MOST = 664
"""Every site of every commune."""


@dataclass(frozen=True, slots=True)
class Place:
    """One room of the inventory."""

    room: str
    name: str
    commune: str
    """Its code."""
    commune_name: str
    cluster: str
    site: str
    number: int


def province(count: int = ROOMS, seed: int = 0) -> list[Place]:
    """The first `count` rooms, commune by commune. Raises ValueError outside 1 to 664."""
    communes = _communes()
    most = len(communes) * len(SITES)
    if not 1 <= count <= most:
        raise ValueError(f"the province has 1 to {most} rooms, not {count}")
    # Four rooms in some communes, three in the others, so that the whole province has exactly 621.
    fours = max(0, count - 3 * len(communes)) if count > 3 * len(communes) else count // 5
    together = 2 if count < SMALL else COMMUNES_A_CLUSTER
    places: list[Place] = []
    for index, (code, kind, name) in enumerate(communes):
        four = index * fours // len(communes) != (index + 1) * fours // len(communes)
        full = f"{kind} {name}"
        for site, title in SITES[: 4 if four else 3]:
            if len(places) == count:
                return places
            number = len(places) + 1
            ident = hashlib.sha256(f"{seed}/{code}/{site}".encode()).hexdigest()[:8]
            cluster = f"MP{index // together + 1:02d}"
            places.append(Place(f"ph-{ident}", title.format(place=full), code, full, cluster, site, number))
    return places


def _communes() -> list[tuple[str, str, str]]:
    text = resources.files("sim").joinpath("data", "thanh-hoa-communes.csv").read_text("utf-8")
    return [(row["code"], row["type"], row["name"]) for row in csv.DictReader(io.StringIO(text), delimiter=";")]


def registry_csv(places: list[Place]) -> str:
    """The inventory as `diemcau-hub import-rooms` takes it."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(
        ("tinh_code", "tinh", "cum_code", "cum", "xa_code", "xa", "tru_so", "room", "name", "contact", "phone")
    )
    for place in places:
        commune = place.commune_name[0].upper() + place.commune_name[1:]
        rows.writerow(
            (
                *PROVINCE, place.cluster, f"Cụm mô phỏng {place.cluster[2:]}", place.commune, commune, place.site,
                place.room, place.name, f"Cán bộ mô phỏng {place.number:03d}", f"0000 000 {place.number:03d}",
            )
        )  # fmt: skip
    return out.getvalue()


def by_commune(places: list[Place]) -> dict[str, list[str]]:
    """Rooms of each commune."""
    found: dict[str, list[str]] = {}
    for place in places:
        found.setdefault(place.commune, []).append(place.room)
    return found


def by_cluster(places: list[Place]) -> dict[str, list[str]]:
    """Rooms of each cluster."""
    found: dict[str, list[str]] = {}
    for place in places:
        found.setdefault(place.cluster, []).append(place.room)
    return found
