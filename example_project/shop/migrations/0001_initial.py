import django.db.models.deletion
import django.utils.timezone
from decimal import Decimal
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
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('customer_kind', models.CharField(choices=[('anonymous', 'Final consumer'), ('consumer', 'Final consumer, named'), ('monotributista', 'Monotributista'), ('responsable_inscripto', 'Responsable inscripto')], default='anonymous', max_length=30)),
                ('customer_name', models.CharField(blank=True, max_length=120)),
                ('document', models.CharField(blank=True, help_text='Digits only', max_length=11, verbose_name='DNI or CUIT')),
                ('email', models.EmailField(blank=True, max_length=254)),
                ('address', models.CharField(blank=True, max_length=160)),
                ('province', models.CharField(blank=True, help_text="Number in the provider's table of provinces", max_length=2)),
                ('discount_percent', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=4)),
                ('shipping', models.DecimalField(decimal_places=2, default=Decimal('0'), help_text='IVA at 21 % included', max_digits=12)),
                ('paid_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ('-created_at', '-pk'),
            },
        ),
        migrations.CreateModel(
            name='Product',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sku', models.CharField(max_length=20, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('price', models.DecimalField(decimal_places=2, help_text='Pesos, IVA included', max_digits=12)),
                ('iva_rate', models.CharField(choices=[('21', '21 %'), ('10.5', '10.5 %')], default='21', max_length=4)),
            ],
            options={
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='OrderLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('description', models.CharField(max_length=120)),
                ('unit_price', models.DecimalField(decimal_places=2, help_text='Pesos, IVA included', max_digits=12)),
                ('iva_rate', models.CharField(choices=[('21', '21 %'), ('10.5', '10.5 %')], max_length=4)),
                ('quantity', models.PositiveSmallIntegerField(default=1)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='shop.order')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shop.product')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
    ]
