\set declaration random(1, :declarations)
select place_hold(gen_random_uuid(), :declaration, 'bank-a', 10000, now() + interval '1 hour', now() + interval '3 days', now() + interval '90 days', 'export-bill');
