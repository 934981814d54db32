"""What does somebody of the town see first? What waits and since when, what is theirs, what does not work."""

from itertools import islice

from flask import current_app, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access
from flask_login import current_user

from app.activities.tomorrow import NextDay, columns_of_next_day
from app.billing.overview import columns_of_town, next_period
from app.changes.kinds import KINDS
from app.changes.queries import columns_of_sent_back, kinds_for, last_decided, received_by_day
from app.core import settings
from app.core.heartbeat import is_silent
from app.mail.queries import mails_waiting
from app.security.scope import may, staff_role
from app.security.who_sees_what import Noun
from app.staff.all_requests import sent_back_url
from app.staff.nav import counted
from app.staff.queue_rows import LANES, Filters, age_of, in_lane, waiting_lots

#: The drawing of the chart, in units of its viewBox.
BAR, GAP, HEIGHT = 34, 12, 120


class DeskView(BaseView):
    """The staff's home."""

    route_base = "/mairie"
    default_view = "desk"
    class_permission_name = Noun.reference.value
    method_permission_name = {"desk": "read"}

    @expose("/")
    @has_access
    def desk(self):
        kinds = kinds_for(staff_role()) if may(Noun.request, "decide") else []
        work = _work(kinds) if kinds else {}
        return self.render_template(
            "staff/desk.html",
            title=_hello(),
            kinds=KINDS,
            decides=bool(kinds),
            silent=bool(kinds) and is_silent(),
            **work,
            **_mails(),
            **_figures(kinds),
        )


def _hello():
    return current_user.first_name


def _work(kinds):
    """What waits under each lane with the oldest, what is mine, what was decided last, what came in day by day."""
    me = current_user._get_current_object()
    lots = waiting_lots(Filters(), kinds, me)
    ready, lanes = [lot for lot in lots if lot.sealed], []
    for lane in ("", *LANES):
        found = in_lane(ready, lane)
        lanes.append(
            {
                "lane": lane,
                "count": len(found),
                "oldest": found[0].age if found else "",
                "url": url_for("QueueView.queue", **Filters(lane=lane).args()),
            }
        )
    days = received_by_day(kinds)
    return {
        "lanes": lanes,
        "mine": [lot for lot in lots if lot.assigned_to_id == me.id][:8],
        "decided": last_decided(kinds),
        "days": days,
        "bars": chart(days),
        "target_days": settings.get("target_days"),
    }


def _mails():
    """Mails that wait or were given up, for those who may see them."""
    if not may(Noun.mail, "read"):
        return {"mails_waiting": 0, "mails_failed": 0}
    waiting, failed = mails_waiting()
    return {
        "mails_waiting": waiting,
        "mails_failed": failed,
        "mails_url": url_for("MailView.list"),
        "mail_server": bool(current_app.config["MAIL_SERVER"]),
    }


def _figures(kinds):
    """What waits for families, who comes next, what is to be billed or overdue, for who may see it; in one query with the menu's."""
    back = columns_of_sent_back() if kinds else ()
    billing = columns_of_town() if may(Noun.bill, "read") else ()
    coming = columns_of_next_day() if may(Noun.attendance, "read") else ()
    values = iter(counted(*back, *billing, *coming) if back or billing or coming else ())
    return {
        "sent_back": _sent_back(*islice(values, len(back))) if back else None,
        "bills": _bills(*islice(values, len(billing))) if billing else None,
        "coming": NextDay(*values) if coming else None,
        "sees_kitchen": may(Noun.kitchen, "read"),
    }


def _sent_back(count, since):
    return {"count": count, "oldest": age_of(since), "url": sent_back_url()} if count else None


def _bills(to_issue, overdue, last):
    ahead = next_period(last) if last is not None else None
    return {"to_issue": to_issue, "overdue": overdue, "ahead": ahead if ahead is not None and ahead.over else None}


def chart(days):
    """[{x, y, width, height, day, count}]: one bar a day, the highest as high as the drawing."""
    most = max((count for _day, count in days), default=0) or 1
    bars = []
    for place, (day, count) in enumerate(days):
        height = max(round(count / most * HEIGHT), 2 if count else 0)
        bars.append({"x": place * (BAR + GAP), "y": HEIGHT - height, "width": BAR, "height": height, "day": day, "count": count})
    return bars
