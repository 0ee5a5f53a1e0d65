use strict;
use warnings;
use Data::Dumper;
use List::Util qw(sum);
use POSIX qw(floor);
use Digest::MD5 qw(md5_hex);

my %words;
$words{ md5_hex($_) =~ /^(..)/ ? $1 : '' }++ for 1 .. 20000;
print scalar(keys %words), " ", sum(values %words), "\n";
local $Data::Dumper::Sortkeys = 1;
print substr(Dumper({ map { $_ => [ 1 .. $_ ] } 1 .. 40 }), 0, 300), "\n";
my $text = join ',', map { "item $_" } 1 .. 5000;
my @parts = sort { $b cmp $a } split /,/, $text;
print "$parts[0] ", length($text), " ", floor(7.9), "\n";
print `echo from a child`;
my $child = fork;
if (!$child) { exit 6 }
waitpid $child, 0;
print "child ", $? >> 8, "\n";
eval { die "caught\n" };
print "eval $@";
warn "warned\n";
die "as it should\n";
