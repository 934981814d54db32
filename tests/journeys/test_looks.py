"""Does the look that journeys take at a page see what is wrong with it, in what it has not looked at yet?"""

PAGE = """<!DOCTYPE html><html lang="en"><head><title>A page</title><meta name="viewport" content="width=device-width"></head><body>
<nav aria-label="Menu"><ul><li><a href="/a">One</a></li>{more}</ul></nav><main><h1>A page</h1>{main}</main></body></html>"""
PALE = '<p style="color: #ccc; background: #fff">Pale</p>'
WRONG = '<li><a href="/b" style="color: #ccc; background: #fff">Pale</a></li>'


def looked_at(somebody, **parts):
    somebody.page.set_content(PAGE.format(**{"more": "", "main": "", **parts}))
    return somebody.looked_at()


def test_what_is_new_is_looked_at(person):
    somebody = person(None)
    assert looked_at(somebody) == []
    assert "color-contrast" in looked_at(somebody, main=PALE)[0]
    assert "color-contrast" in looked_at(somebody, more=WRONG)[0]
    # Not seen is not looked at: nothing of a closed menu is known as good.
    somebody.page.set_content(PAGE.format(more=WRONG, main="").replace("<nav", "<nav hidden"))
    assert somebody.looked_at() == []
    assert "color-contrast" in looked_at(somebody, more=WRONG)[0]
    # Other words are nothing new; none at all are.
    assert looked_at(somebody, main='<p><a href="/d">Two</a></p>') == looked_at(somebody, main='<p><a href="/e">Three</a></p>') == []
    assert looked_at(somebody, main='<p><a href="/e"></a></p>')[0].startswith("link-name")
    assert looked_at(somebody, main="<img src='data:,'>")[0].startswith("image-alt")
