create table words (id integer primary key, word text, n real);
with recursive count(i) as (select 1 union all select i + 1 from count where i < 3000)
insert into words select i, 'word' || (i % 977), i * 1.5 from count;
create index by_word on words (word);
select count(*), sum(n), group_concat(distinct substr(word, 1, 5)) from words where word like 'word97%';
select word, count(*) c from words group by word order by c desc, word limit 5;
create virtual table texts using fts5(body);
insert into texts select word || ' of ' || id from words where id < 1000;
select count(*) from texts where texts match 'word5';
delete from words where id % 3 = 0;
vacuum;
