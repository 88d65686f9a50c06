"""PostgreSQL: asyncpg writes, SQLAlchemy Core reads."""
