"""The small practice model that ships with the project, for machines without a GPU and for tests."""
