"""What operators do, and what they are told when it does not work."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from tests.hub.console.conftest import csrf
from tests.hub.console.fake import FakeHub

JSON = {"accept": "application/json"}
ROOM = "th-14878-2"


def act(client: TestClient, path: str, **fields: str) -> tuple[int, str]:
    """Post as the page's script does: status, and the words that it shows."""
    answer = client.post(path, data={"csrf": csrf(client)} | fields, headers=JSON)
    body = answer.json()
    return answer.status_code, body.get("said") or body.get("error")


def in_tab(client: TestClient, tab: str) -> set[int]:
    """The incidents of a tab."""
    return {int(found) for found in re.findall(r'id="r(\d+)"', client.get(f"/triage?tab={tab}").text)}


def test_taking_and_giving_back(client: TestClient) -> None:
    assert 2 in in_tab(client, "new")
    assert act(client, "/incidents/2/ack") == (200, "Đã nhận xử lý.")
    assert 2 in in_tab(client, "working")
    assert act(client, "/incidents/2/unack") == (200, "Đã bỏ nhận.")
    assert 2 in in_tab(client, "new")


def test_taking_what_a_colleague_has(client: TestClient) -> None:
    assert act(client, "/incidents/9/ack") == (409, "van.minh vừa nhận việc này.")


def test_shelving_has_an_end_and_a_reason(client: TestClient) -> None:
    status, said = act(client, "/incidents/2/shelve", until="120:waiting_part")
    assert status == 200
    assert said.startswith("Đã tạm ẩn đến")
    assert 2 in in_tab(client, "shelved")
    assert "Chờ thiết bị thay thế" in client.get("/incidents/2").text
    assert act(client, "/incidents/2/unshelve")[0] == 200
    assert 2 in in_tab(client, "new")


@pytest.mark.parametrize("until", ["", "0:planned", "99999:planned", "120:", "120:because", "x:planned", "²:planned"])
def test_shelving_for_ever_or_without_reason_is_refused(client: TestClient, until: str) -> None:
    assert act(client, "/incidents/2/shelve", until=until)[0] == 400
    assert 2 in in_tab(client, "new")


def test_a_row_of_many_is_taken_as_one(client: TestClient) -> None:
    status, said = act(client, "/incidents/1/ack", also="2,3,not-a-number,2")
    assert (status, said) == (200, "Đã nhận xử lý. (3 phòng)")
    assert {1, 2, 3} <= in_tab(client, "working")


def test_a_note_is_shown_as_text_and_never_empty(client: TestClient) -> None:
    assert act(client, "/incidents/2/note", text="Đã gọi <b>anh Thắng</b>")[0] == 200
    assert "Đã gọi &lt;b&gt;anh Thắng" in client.get("/incidents/2").text
    assert act(client, "/incidents/2/note", text="  ") == (400, "Dữ liệu gửi lên chưa đúng: ghi chú trống.")


def test_an_act_on_an_unknown_incident_is_not_found(client: TestClient) -> None:
    for what in ("ack", "unack", "unshelve", "recheck"):
        assert act(client, f"/incidents/99999/{what}")[0] == 404


def test_a_plain_form_comes_back_to_the_page(client: TestClient) -> None:
    answer = client.post("/incidents/2/ack", data={"csrf": csrf(client)})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/incidents/2?said=")


def test_confirmation_says_why_the_interlock_would_refuse_now(client: TestClient, hub: FakeHub) -> None:
    text = client.get(f"/rooms/{ROOM}/act/codec_power_cycle").text
    assert "bộ giám sát sẽ từ chối: đã hết số lần cho phép trong giờ này" in text
    assert "mất điện khoảng" in text
    assert "Bộ giám sát đang cho phép" in client.get(f"/rooms/{ROOM}/act/light_on").text
    assert client.get(f"/rooms/{ROOM}/act/launch_rocket").status_code == 404
    hub.write("UPDATE twins SET online = 0 WHERE room = ?", ROOM)
    assert "Bộ giám sát đang cho phép" not in client.get(f"/rooms/{ROOM}/act/light_on").text


def test_an_order_needs_a_reason_and_its_outcome_is_shown(client: TestClient, hub: FakeHub) -> None:
    path = f"/rooms/{ROOM}/act/codec_restart"
    assert act(client, path) == (400, "Dữ liệu gửi lên chưa đúng: chưa ghi lý do.")
    assert act(client, path, why="TV xanh") == (200, "Đã gửi lệnh: Khởi động lại thiết bị đầu cuối.")
    assert "Đã gửi, chờ phòng trả lời" in client.get(f"/rooms/{ROOM}").text
    hub.write("UPDATE orders SET outcome = 'done', proof = '{\"off_s\": 15.2}' WHERE action = 'codec_restart'")
    text = client.get(f"/rooms/{ROOM}").text
    assert "Đã thực hiện xong" in text
    assert "15,2 s" in text


def test_an_order_the_hub_cannot_send(client: TestClient, hub: FakeHub) -> None:
    hub.refuse_orders = "offline"
    assert act(client, "/incidents/2/recheck") == (409, "Chưa gửi được lệnh: phòng đang mất kết nối.")
    hub.refuse_orders = "some_new_word"
    assert "một lý do mới" in act(client, "/incidents/2/recheck")[1]
