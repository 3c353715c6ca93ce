from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("triggers", "0002_subscriptions"),
    ]

    operations = [
        migrations.AddField(model_name="poll", name="swept", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="watch", name="swept", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="delivery", name="rights", field=models.CharField(default="", max_length=32)),
    ]
