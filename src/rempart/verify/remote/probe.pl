# Tries ports, all at once, from this host.
#   perl -e … sources ADDRESS…               prints `ADDRESS SOURCE` where there is a route
#   perl -e … probe tcp/ADDRESS/PORT …       prints `tcp/ADDRESS/PORT open|closed|silent`
#                   udp/ADDRESS/PORT/HEX …   sends that datagram; prints `udp/ADDRESS/PORT …`
use strict;
use warnings;
use Errno qw(EINPROGRESS);
use Socket qw(:DEFAULT :addrinfo SOCK_NONBLOCK);

my ($question, @words) = @ARGV;
my $left = 2;    # seconds, long enough for a second SYN

sub place {
    my ($address, $port) = @_;
    my %hints = (flags => AI_NUMERICHOST | AI_NUMERICSERV, socktype => SOCK_STREAM);
    my ($error, $found) = getaddrinfo($address, $port, \%hints);
    die "$address: $error\n" if $error;
    return @{$found}{qw(family addr)};
}

if ($question eq 'sources') {
    for my $address (@words) {
        my ($family, $place) = place($address, 9);
        socket(my $socket, $family, SOCK_DGRAM, 0) or next;
        connect($socket, $place) or next;    # UDP: nothing is sent
        my ($error, $source) = getnameinfo(getsockname($socket), NI_NUMERICHOST | NI_NUMERICSERV);
        print "$address $source\n" unless $error;
    }
    exit;
}

my (%waiting, %state);
for my $word (@words) {
    my ($protocol, $address, $port, $datagram) = split m{/}, $word;
    my $target = "$protocol/$address/$port";
    my ($family, $place) = place($address, $port);
    my $is_udp = $protocol eq 'udp';
    socket(my $socket, $family, ($is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0)
        or die "socket: $!\n";
    my $done = connect($socket, $place);
    if (!$done && $! != EINPROGRESS) {
        $state{$target} = 'closed';
        next;
    }
    send($socket, pack('H*', $datagram), 0) if $is_udp;
    $state{$target} = 'silent';
    $waiting{ fileno $socket } = [ $target, $socket, $is_udp ];
}
while (%waiting && $left > 0) {
    my ($read, $write) = ('', '');
    vec($waiting{$_}[2] ? $read : $write, $_, 1) = 1 for keys %waiting;
    (my $ready, $left) = select($read, $write, undef, $left);
    last if $ready <= 0;
    for my $number (grep { vec($read, $_, 1) || vec($write, $_, 1) } keys %waiting) {
        my ($target, $socket, $is_udp) = @{ delete $waiting{$number} };
        my $failed = $is_udp
            ? !defined recv($socket, my $answer, 512, 0)
            : unpack('i', getsockopt($socket, SOL_SOCKET, SO_ERROR));
        $state{$target} = $failed ? 'closed' : 'open';
    }
}
print "$_ $state{$_}\n" for keys %state;
