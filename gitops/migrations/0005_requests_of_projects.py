import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def fill(apps, schema_editor):
    """Each merge request is of the project of its repository."""
    rows = apps.get_model("gitops", "HostedMergeRequest").objects
    repositories = apps.get_model("gitops", "HostedRepository").objects
    project = repositories.filter(pk=OuterRef("repository_id")).values("project_id")[:1]
    rows.filter(project=None).update(project_id=Subquery(project))


class Migration(migrations.Migration):

    dependencies = [
        ("gitops", "0004_git_hosts"),
        ("rbac", "0004_token_created_by"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="hostedmergerequest",
            name="project",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name="merge_requests", to="rbac.project"),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
