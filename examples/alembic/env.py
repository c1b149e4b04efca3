"""Runs the migrations on the database that DATABASE_URL names, as for bellwether."""

import os

from alembic import context
from sqlalchemy import create_engine

url = os.environ["DATABASE_URL"]
scheme, rest = url.split("://", 1)
if scheme == "sqlite":
    # an absolute path, which SQLAlchemy wants after three slashes of its own
    url = f"sqlite:///{rest}"
else:
    url = f"postgresql+psycopg2://{rest}"

with create_engine(url).connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
