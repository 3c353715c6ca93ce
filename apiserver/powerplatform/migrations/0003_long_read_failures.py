from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("powerplatform", "0002_long_reads"),
    ]

    operations = [
        migrations.AddField(
            model_name="longread",
            name="failures",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
