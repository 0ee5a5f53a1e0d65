call append(0, map(range(1, 3000), {_, n -> 'line ' . n * n}))
%s/\v(\d)(\d)/\2\1/g
g/9$/d
sort! n
syntax on
set filetype=c
put =len(getline(1, '$'))
write! result
verbose echo 'wrote' getfsize('result') "\n"
cquit 4
