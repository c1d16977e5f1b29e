# rempart. What a person makes is that person's alone; share through a folder with an ACL, setfacl(1).
umask 077
