from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("triggers", "0004_hooks"),
    ]

    operations = [
        migrations.AddField(
            model_name="watch",
            name="looked_back",
            field=models.DateTimeField(null=True),
        ),
    ]
