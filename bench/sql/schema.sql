-- What somebody would build in a database instead: the checks of Kouan's hold on one declaration as one procedure.
-- It answers with Kouan's numbers (kernel/rejections.py), tested in Kouan's order. It checks no owner's signature,
-- commits to no state and can prove nothing: that is the difference which the comparison prices.

create table bare (
    id uuid primary key,
    declaration bigint not null,
    amount_minor bigint not null,
    opened timestamptz not null default now()
);

create table declaration (
    id bigint primary key,
    status text not null default 'active',
    kind text not null default 'export',
    unit text not null default 'USD',
    limit_minor bigint not null,
    used_minor bigint not null default 0
);

create table loan (
    id uuid primary key,
    bank text not null,
    amount_minor bigint not null,
    currency text not null,
    product text not null,
    maturity timestamptz not null,
    lapse timestamptz not null,
    opened timestamptz not null
);

-- A hold lapses by itself, as in Kouan: it counts while its lapse lies ahead, and nothing scans.
-- No foreign keys: only the procedure writes here, and it has looked at both rows. They would cost it speed.
create table hold (
    declaration bigint not null,
    loan uuid not null,
    drawer text not null,
    amount_minor bigint not null,
    lapse timestamptz not null,
    drawn boolean not null default false,
    primary key (declaration, loan)
);

create table audit (
    number bigint generated always as identity primary key,
    at timestamptz not null,
    bank text not null,
    loan uuid not null,
    declaration bigint not null,
    amount_minor bigint not null,
    code int not null
);

create function place_hold(
    p_loan uuid, p_declaration bigint, p_bank text, p_amount_minor bigint, p_consent_expires timestamptz,
    p_lapse timestamptz, p_maturity timestamptz, p_product text
) returns int language plpgsql as $$
declare
    moment timestamptz := clock_timestamp();
    code int := 0;
    wanted declaration;
    living int;
    lapsed int;
    held_minor bigint;
begin
    if exists (select from loan where id = p_loan) then code := 302;                -- FINANCING_EXISTS
    elsif p_maturity <= moment then code := 305;                                    -- MATURITY_PAST
    elsif p_lapse <= moment then code := 51;                                        -- HOLD_LAPSED
    elsif p_lapse > moment + interval '14 days' then code := 49;                    -- HOLD_TOO_LONG
    else
        select * into wanted from declaration where id = p_declaration for update;
        if not found then code := 41;                                               -- QUOTA_UNKNOWN
        elsif wanted.kind <> 'export' then code := 43;                              -- QUOTA_WRONG_KIND
        elsif p_consent_expires <= moment then code := 44;                          -- DRAW_EXPIRED
        elsif wanted.status = 'withdrawn' then code := 46;                          -- QUOTA_WITHDRAWN
        elsif wanted.status <> 'active' then code := 47;                            -- QUOTA_SUSPENDED
        else
            select count(*) filter (where lapse > moment),
                coalesce(sum(amount_minor) filter (where lapse > moment), 0),
                count(*) filter (where lapse <= moment and not drawn and drawer = p_bank)
                into living, held_minor, lapsed from hold where declaration = p_declaration;
            if living >= 16 then code := 54;                                        -- HOLDS_TOO_MANY
            elsif lapsed >= 2 then code := 55;                                      -- HOLD_THIRD
            elsif p_amount_minor > wanted.limit_minor - wanted.used_minor - held_minor then code := 56;
            end if;                                                                 -- QUOTA_EXCEEDED
        end if;
    end if;
    if code = 0 then
        insert into loan values (p_loan, p_bank, p_amount_minor, 'USD', p_product, p_maturity, p_lapse, moment);
        insert into hold values (p_declaration, p_loan, p_bank, p_amount_minor, p_lapse);
    end if;
    insert into audit (at, bank, loan, declaration, amount_minor, code)
        values (moment, p_bank, p_loan, p_declaration, p_amount_minor, code);
    return code;
end $$;
