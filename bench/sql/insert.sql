\set declaration random(1, :declarations)
insert into bare (id, declaration, amount_minor) values (gen_random_uuid(), :declaration, 10000);
