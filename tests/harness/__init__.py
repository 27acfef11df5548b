# SPDX-License-Identifier: GPL-2.0-or-later
"""Nodes and pods to run the real executable on. Start at node.py."""
