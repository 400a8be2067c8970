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

"""How Sphinx builds the documentation."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "_exts"))

extensions = [
    "cliff.sphinxext",
    "from_code",
    "openstackdocstheme",
    "oslo_config.sphinxconfiggen",
    "oslo_config.sphinxext",
    "oslo_policy.sphinxext",
    "oslo_policy.sphinxpolicygen",
    "sphinx.ext.autodoc",
    "sphinx.ext.graphviz",
]
graphviz_output_format = "svg"

project = "Valence"
copyright = "OpenStack Foundation"
author = "OpenStack"

# openstackdocstheme
html_theme = "openstackdocs"
openstackdocs_repo_name = "openstack/valence"
openstackdocs_auto_name = False
openstackdocs_use_storyboard = False
openstackdocs_pdf_link = False
pygments_style = "native"

# cliff: what every command takes alike stands in user/commands.rst.
autoprogram_cliff_ignored = [
    "--help",
    "--format",
    "--column",
    "--quote",
    "--noindent",
    "--max-width",
    "--fit-width",
    "--print-empty",
    "--prefix",
    "--sort-column",
    "--sort-ascending",
    "--sort-descending",
]
autoprogram_cliff_app_dist_name = "python-valenceclient"

# oslo.config
config_generator_config_file = [
    ("../../etc/valence/valence-config-generator.conf", "_static/valence")
]

# oslo.policy
policy_generator_config_file = (
    "../../etc/valence/valence-policy-generator.conf"
)
sample_policy_basename = "_static/valence"

html_static_path = ["_static"]
add_module_names = False
modindex_common_prefix = ["valence."]
show_authors = False
