"""The lab practice in virtual machines, each with a kernel of its own; nothing of rempart in here.

`Vagrantfile` describes the machines. This package builds their boxes, chooses the accelerator,
keeps their keys and passwords, and brings libvirt's daemons where nothing else does.
"""
