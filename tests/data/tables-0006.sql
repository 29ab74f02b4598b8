CREATE TABLE account (
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  password TEXT NOT NULL,
  changed_at DATETIME NOT NULL,
  CONSTRAINT pk_account PRIMARY KEY (id),
  CONSTRAINT uq_account_name UNIQUE (name)
);
CREATE TABLE bucket (
  name TEXT NOT NULL,
  tat FLOAT NOT NULL,
  CONSTRAINT pk_bucket PRIMARY KEY (name)
);
CREATE TABLE journal (
  id INTEGER NOT NULL,
  at DATETIME NOT NULL,
  who TEXT NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT DEFAULT '' NOT NULL,
  CONSTRAINT pk_journal PRIMARY KEY (id)
);
CREATE TABLE letter (
  digest TEXT NOT NULL,
  data BLOB NOT NULL,
  shared TEXT DEFAULT '' NOT NULL,
  CONSTRAINT pk_letter PRIMARY KEY (digest)
);
CREATE TABLE mail_out (
  id INTEGER NOT NULL,
  appeal TEXT NOT NULL,
  title TEXT DEFAULT '' NOT NULL,
  state TEXT NOT NULL,
  why TEXT DEFAULT '' NOT NULL,
  mode TEXT NOT NULL,
  hash TEXT NOT NULL,
  server TEXT NOT NULL,
  sender TEXT NOT NULL,
  last_day DATE,
  sources BLOB NOT NULL,
  retry_of INTEGER,
  planned_at DATETIME NOT NULL,
  started_at DATETIME,
  ended_at DATETIME,
  CONSTRAINT pk_mail_out PRIMARY KEY (id),
  CONSTRAINT ck_mail_out_state_is_known CHECK (state IN ('planned', 'approved', 'sending', 'paused', 'stopped', 'finished')),
  CONSTRAINT fk_mail_out_retry_of FOREIGN KEY(retry_of) REFERENCES mail_out (id)
);
CREATE TABLE part (
  digest TEXT NOT NULL,
  data BLOB NOT NULL,
  CONSTRAINT pk_part PRIMARY KEY (digest)
);
CREATE TABLE seal (
  id INTEGER NOT NULL,
  at DATETIME NOT NULL,
  event_id INTEGER NOT NULL,
  attempt_id INTEGER NOT NULL,
  events INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  "before" TEXT NOT NULL,
  hash TEXT NOT NULL,
  CONSTRAINT pk_seal PRIMARY KEY (id),
  CONSTRAINT uq_seal_before UNIQUE ("before")
);
CREATE TABLE spent (
  id INTEGER NOT NULL,
  account TEXT NOT NULL,
  at FLOAT NOT NULL,
  CONSTRAINT pk_spent PRIMARY KEY (id)
);
CREATE INDEX ix_spent_account_at ON spent (account, at);
CREATE TABLE delivery (
  id INTEGER NOT NULL,
  mail_out_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  position INTEGER NOT NULL,
  person TEXT DEFAULT '' NOT NULL,
  name TEXT DEFAULT '' NOT NULL,
  address TEXT DEFAULT '' NOT NULL,
  address_key TEXT DEFAULT '' NOT NULL,
  domain TEXT DEFAULT '' NOT NULL,
  delegation TEXT DEFAULT '' NOT NULL,
  role TEXT DEFAULT '' NOT NULL,
  political_group TEXT DEFAULT '' NOT NULL,
  language TEXT DEFAULT '' NOT NULL,
  salt TEXT DEFAULT '' NOT NULL,
  erased TEXT,
  words TEXT DEFAULT '' NOT NULL,
  file TEXT DEFAULT '' NOT NULL,
  sheet TEXT DEFAULT '' NOT NULL,
  "row" INTEGER,
  cell TEXT DEFAULT '' NOT NULL,
  message_id TEXT,
  digest TEXT,
  dated_at DATETIME,
  resend_of INTEGER,
  state TEXT NOT NULL,
  reason TEXT DEFAULT '' NOT NULL,
  detail TEXT DEFAULT '' NOT NULL,
  code INTEGER,
  enhanced TEXT,
  text TEXT DEFAULT '' NOT NULL,
  attempts INTEGER DEFAULT '0' NOT NULL,
  tried_at DATETIME,
  changed_at DATETIME NOT NULL,
  next_try_at DATETIME,
  owner TEXT,
  lease_until DATETIME,
  fence INTEGER DEFAULT '0' NOT NULL,
  handover_at DATETIME,
  CONSTRAINT pk_delivery PRIMARY KEY (id),
  CONSTRAINT uq_delivery_mail_out_id_number UNIQUE (mail_out_id, number),
  CONSTRAINT ck_delivery_state_is_known CHECK (state IN ('skipped', 'waiting', 'sending', 'deferred', 'accepted', 'refused', 'not_sent', 'unknown')),
  CONSTRAINT fk_delivery_mail_out_id FOREIGN KEY(mail_out_id) REFERENCES mail_out (id),
  CONSTRAINT fk_delivery_digest FOREIGN KEY(digest) REFERENCES letter (digest)
);
CREATE INDEX ix_delivery_address_key ON delivery (address_key);
CREATE INDEX ix_delivery_person ON delivery (person);
CREATE INDEX ix_delivery_queue ON delivery (mail_out_id, state, position);
CREATE INDEX ix_delivery_table ON delivery (mail_out_id, delegation, state, reason, number, role, political_group, language, changed_at, words);
CREATE UNIQUE INDEX uq_delivery_one_letter ON delivery (mail_out_id, address_key) WHERE state <> 'skipped';
CREATE TABLE attempt (
  id INTEGER NOT NULL,
  delivery_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at DATETIME NOT NULL,
  state TEXT NOT NULL,
  stage TEXT NOT NULL,
  reason TEXT DEFAULT '' NOT NULL,
  code INTEGER,
  enhanced TEXT,
  text TEXT DEFAULT '' NOT NULL,
  peer TEXT DEFAULT '' NOT NULL,
  tls TEXT DEFAULT '' NOT NULL,
  seconds FLOAT DEFAULT '0' NOT NULL,
  handover_at DATETIME,
  owner TEXT DEFAULT '' NOT NULL,
  erased TEXT,
  CONSTRAINT pk_attempt PRIMARY KEY (id),
  CONSTRAINT ck_attempt_state_is_known CHECK (state IN ('skipped', 'waiting', 'sending', 'deferred', 'accepted', 'refused', 'not_sent', 'unknown')),
  CONSTRAINT ck_attempt_stage_is_known CHECK (stage IN ('connect', 'mail', 'rcpt', 'data', 'body', 'mark', 'dot')),
  CONSTRAINT fk_attempt_delivery_id FOREIGN KEY(delivery_id) REFERENCES delivery (id)
);
CREATE INDEX ix_attempt_delivery_id ON attempt (delivery_id);
CREATE TABLE event (
  id INTEGER NOT NULL,
  at DATETIME NOT NULL,
  mail_out_id INTEGER NOT NULL,
  delivery_id INTEGER,
  kind TEXT NOT NULL,
  reason TEXT DEFAULT '' NOT NULL,
  detail TEXT DEFAULT '' NOT NULL,
  who TEXT DEFAULT '' NOT NULL,
  erased TEXT,
  CONSTRAINT pk_event PRIMARY KEY (id),
  CONSTRAINT fk_event_mail_out_id FOREIGN KEY(mail_out_id) REFERENCES mail_out (id),
  CONSTRAINT fk_event_delivery_id FOREIGN KEY(delivery_id) REFERENCES delivery (id)
);
CREATE INDEX ix_event_delivery_id ON event (delivery_id);
CREATE INDEX ix_event_mail_out_id ON event (mail_out_id);
