"""How does it start? `flask --app run …` for commands; `python run.py` for `make run`."""

from app import create_app

app = create_app()
