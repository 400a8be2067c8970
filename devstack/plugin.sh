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

# shellcheck source=devstack/lib/valence
source "$DEST/valence/devstack/lib/valence"

if is_service_enabled valence-api valence-cond valence-sim; then
    case $1-$2 in
        stack-install)
            echo_summary "Installing Valence"
            install_valence
            ;;
        stack-post-config)
            echo_summary "Configuring Valence"
            configure_valence
            if is_service_enabled key; then
                create_valence_accounts
            fi
            ;;
        stack-extra)
            echo_summary "Starting Valence"
            init_valence
            start_valence
            ;;
        unstack-*)
            stop_valence
            ;;
        clean-*)
            stop_valence
            cleanup_valence
            ;;
    esac
fi
