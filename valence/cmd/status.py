#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""valence-status: says whether this deployment can be upgraded."""

import sys

from oslo_config import cfg
from oslo_db import exception as db_exc
from oslo_upgradecheck import upgradecheck

from valence import exception
import valence.conf  # noqa: F401 - registers the options
from valence.db import engine
from valence.db import migration
from valence.db import secrets

CONF = cfg.CONF


class Checks(upgradecheck.UpgradeCommands):
    """What 'valence-status upgrade check' looks at."""

    def _schema(self) -> upgradecheck.Result:
        if not CONF.database.connection:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE, "[database]connection is not set."
            )
        try:
            problem = migration.problem()
        except (db_exc.DBError, *engine.UNREACHABLE) as e:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE,
                engine.unreachable(e),
            )
        if problem is not None:
            return upgradecheck.Result(upgradecheck.Code.FAILURE, problem)
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)

    def _secrets(self) -> upgradecheck.Result:
        if self._schema().code != upgradecheck.Code.SUCCESS:
            return upgradecheck.Result(
                upgradecheck.Code.WARNING, "Upgrade the schema, then look."
            )
        try:
            found = secrets.check()
        except exception.KeysUnusable as e:
            return upgradecheck.Result(upgradecheck.Code.FAILURE, str(e))
        if found.plain:
            return upgradecheck.Result(
                upgradecheck.Code.WARNING,
                f"{found.plain} secrets are not encrypted yet: run "
                "'valence-dbsync online_data_migrations'.",
            )
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)

    _upgrade_checks = (
        ("Database schema", _schema),
        ("Encrypted secrets", _secrets),
    )


def main() -> int:
    return upgradecheck.main(CONF, project="valence", upgrade_command=Checks())


if __name__ == "__main__":
    sys.exit(main())
