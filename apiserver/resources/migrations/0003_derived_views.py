"""Derived views: a SELECT in the place of a table."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("resources", "0002_relations")]

    operations = [
        migrations.AddField("resource", "sql", models.TextField(blank=True, default=""), preserve_default=False),
        migrations.AlterField("resource", "table", models.CharField(blank=True, max_length=200)),
    ]
