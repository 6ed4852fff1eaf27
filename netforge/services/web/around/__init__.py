"""What stands around applications: each file a layer, which is an application around another one."""
