"""Which lists do messages rest on? Topics, sentences that answers begin with, the town's news."""

from sqlalchemy import func, select
from wtforms import BooleanField, DateField, IntegerField
from wtforms.validators import NumberRange

from app.core import clock
from app.core.forms import LongText, Required, Text
from app.core.i18n import _l
from app.extensions import db
from app.messages.models import CannedAnswer, News, Topic
from app.security.who_sees_what import Noun
from app.staff.activities import NotBefore
from app.staff.editors import Editor
from app.staff.forms import StaffForm
from app.staff.views import StaffView

RANK = NumberRange(1, 999, _l("Between 1 and 999."))


def next_rank(model):
    """The rank of a row that comes last."""
    return (db.session.scalar(select(func.max(model.rank))) or 0) + 1


class TopicForm(StaffForm):
    """What a message can be about."""

    title = Text(_l("Topic"), longest=60, required=True)
    title_en = Text(_l("The same in English"), longest=60)
    service = Text(_l("Service that answers"), longest=60)
    rank = IntegerField(_l("Rank"), [Required(), RANK])
    open = BooleanField(_l("Families may choose it"))


class TopicView(StaffView):
    """Topics of messages."""

    noun, model, route_base = Noun.reference, Topic, "/mairie/sujets"
    route_methods = ("list", "add", "edit", "delete")
    list_title, add_title = _l("Topics of messages"), _l("New topic")
    labels = {"title": _l("Topic"), "service": _l("Service that answers"), "open": _l("Families may choose it"), "rank": _l("Rank")}
    list_columns = ["title", "service", "open", "rank"]
    first_sort = (Topic.rank,)
    editor = Editor(Topic, TopicForm)

    def beginning(self):
        return {"rank": next_rank(Topic), "open": True}


class CannedForm(StaffForm):
    """A sentence that answers begin with."""

    title = Text(_l("Short title"), longest=60, required=True)
    text = LongText(_l("Text"), longest=2000, required=True)
    rank = IntegerField(_l("Rank"), [Required(), RANK])


class CannedView(StaffView):
    """Sentences for answers."""

    noun, model, route_base = Noun.reference, CannedAnswer, "/mairie/reponses-types"
    route_methods = ("list", "add", "edit", "delete")
    list_title, add_title = _l("Sentences for answers"), _l("New sentence")
    labels = {"title": _l("Short title"), "text": _l("Text"), "rank": _l("Rank")}
    list_columns = ["title", "text", "rank"]
    first_sort = (CannedAnswer.rank,)
    editor = Editor(CannedAnswer, CannedForm)

    def beginning(self):
        return {"rank": next_rank(CannedAnswer)}


class NewsForm(StaffForm):
    """News of the town."""

    title = Text(_l("Headline"), longest=120, required=True)
    text = LongText(_l("Text"), longest=2000)
    title_en = Text(_l("Title in English"), longest=120)
    text_en = LongText(_l("Text in English"), longest=2000)
    first_day = DateField(_l("First day"), [Required()])
    last_day = DateField(_l("Last day"), [Required(), NotBefore("first_day", _l("The last day does not lie before the first."))])
    urgent = BooleanField(_l("It warns: a strike, a closure"))


class NewsView(StaffView):
    """The town's news."""

    noun, model, route_base = Noun.broadcast, News, "/mairie/actualites"
    route_methods = ("list", "add", "edit", "delete")
    list_title, add_title = _l("News of the town"), _l("New news")
    labels = {"title": _l("Headline"), "first_day": _l("First day"), "last_day": _l("Last day"), "urgent": _l("It warns")}
    list_columns = ["title", "first_day", "last_day", "urgent"]
    search_columns = ["title", "first_day", "last_day"]
    first_sort = (News.last_day.desc(),)
    editor = Editor(News, NewsForm)

    def beginning(self):
        return {"first_day": clock.today()}
