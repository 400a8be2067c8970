#!/usr/bin/env bash
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

# DevStack plugin of Valence; in local.conf:
#
#   enable_plugin valence https://opendev.org/openstack/valence
#
# stack.sh, unstack.sh and clean.sh source this with a mode and, where the mode
# is stack, a phase.

# shellcheck source=devstack/lib/valence
source "$DEST/valence/devstack/lib/valence"

if is_service_enabled valence; then
    case "$1 ${2:-}" in
        "stack pre-install")
            check_valence
            ;;
        "stack install")
            echo_summary "Installing Valence"
            install_valence
            ;;
        "stack post-config")
            echo_summary "Configuring Valence"
            configure_valence
            create_valence_accounts
            init_valence
            ;;
        "stack extra")
            echo_summary "Starting Valence"
            start_valence
            register_valence_hardware
            ;;
        "stack test-config")
            configure_valence_tempest
            ;;
        "unstack "*)
            stop_valence
            ;;
        "clean "*)
            cleanup_valence
            ;;
    esac
fi
