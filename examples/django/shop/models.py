from django.db import models


class Plan(models.Model):
    name = models.CharField(max_length=40)

    class Meta:
        db_table = "plans"


class Customer(models.Model):
    email = models.CharField(max_length=200, db_index=True)
    plan = models.ForeignKey(Plan, null=True, on_delete=models.SET_NULL)

    class Meta:
        db_table = "customers"
