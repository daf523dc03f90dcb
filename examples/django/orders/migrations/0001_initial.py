from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Order',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('customer', models.CharField(max_length=100)),
                ('country', models.CharField(max_length=2)),
                ('cents', models.PositiveIntegerField()),
                ('state', models.CharField(default='new', max_length=10)),
                ('invoice', models.TextField(default='')),
            ],
        ),
    ]
