-- In-memory inserts, indexes, joins and group-bys. ROWS is replaced by the driver.
create table orders (id integer primary key, customer integer, item text, price real, note text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < ROWS)
insert into orders
select i, i * 7919 % 5003, 'item ' || (i * 31 % 977), (i * 17 % 10007) / 100.0, hex(i * 2654435761)
from n;
create index by_customer on orders (customer, price);
create index by_item on orders (item);
create table customers as select distinct customer as id, 'customer ' || customer as name from orders;
select count(*), sum(price), group_concat(distinct item) is not null from orders;
select item, count(*), avg(price), max(length(note)) from orders group by item order by 2 desc limit 10;
select c.name, sum(o.price), group_concat(o.item, ',')
from customers c join orders o on o.customer = c.id
group by c.id order by 2 desc limit 20;
select substr(note, 1, 2) as start, count(distinct customer) from orders group by start order by start;
update orders set note = note || '!' where price < 30;
delete from orders where customer % 3 = 0;
select count(*), sum(length(note)) from orders;
