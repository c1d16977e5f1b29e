# A throwaway listener to prove that the firewall drops: perl -e … SECONDS
# Prints its port, the same for TCP and UDP, IPv4 and IPv6; answers datagrams. Ends with its stdin
# or after SECONDS, so that nothing stays when whoever started it is gone.
use strict;
use warnings;
use IO::Handle;
use Socket qw(:DEFAULT inet_pton IPPROTO_IPV6 IPV6_V6ONLY);

alarm $ARGV[0];
STDOUT->autoflush(1);

sub bound {
    my ($kind, $port) = @_;
    my $socket;
    if (socket($socket, AF_INET6, $kind, 0)) {
        setsockopt($socket, IPPROTO_IPV6, IPV6_V6ONLY, pack('i', 0));
        return $socket if bind($socket, pack_sockaddr_in6($port, inet_pton(AF_INET6, '::')));
    }
    socket($socket, AF_INET, $kind, 0) or die "socket: $!\n";    # a host without IPv6
    bind($socket, pack_sockaddr_in($port, INADDR_ANY)) or die "bind: $!\n";
    return $socket;
}

my $tcp = bound(SOCK_STREAM, 0);
listen($tcp, 16) or die "listen: $!\n";
my $name = getsockname $tcp;
my ($port) = sockaddr_family($name) == AF_INET6 ? unpack_sockaddr_in6($name) : unpack_sockaddr_in($name);
my $udp = bound(SOCK_DGRAM, $port);
print "$port\n";
while (1) {
    my $bits = '';
    vec($bits, fileno $_, 1) = 1 for \*STDIN, $udp;
    select($bits, undef, undef, undef);
    exit if vec($bits, fileno STDIN, 1) && !sysread STDIN, my $said, 64;
    next unless vec($bits, fileno $udp, 1);
    my $from = recv($udp, my $question, 64, 0);
    send($udp, 'rempart', 0, $from) if $from;
}
