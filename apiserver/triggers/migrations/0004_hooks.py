import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("connections", "0002_oauth"),
        ("triggers", "0003_late_rows_and_rights"),
    ]

    operations = [
        migrations.AddField(model_name="watch", name="rung_at", field=models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="Hook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.CharField(max_length=64, unique=True)),
                ("secret", models.TextField()),
                ("created", models.DateTimeField()),
                ("last_at", models.DateTimeField(null=True)),
                ("last_event", models.CharField(default="", max_length=100)),
                (
                    "connection",
                    models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name="hook", to="connections.connection"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Gone",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.TextField()),
                ("watch", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="gone", to="triggers.watch")),
            ],
        ),
    ]
