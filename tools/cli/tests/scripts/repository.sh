# What a program does by itself belongs to it: each git here is one run, plain or wrapped, of GIT.
set -eu
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A
export GIT_COMMITTER_EMAIL=a@example.org GIT_AUTHOR_DATE='2020-01-01T00:00:00Z'
export GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' GIT_CONFIG_NOSYSTEM=1
git init -q -b main repository
cd repository
for n in $(seq 1 30); do
    seq "$n" $((n * 40)) >"file$((n % 7))"
    git add .
    git commit -q -m "step $n"
done
git tag -a -m tagged v1
